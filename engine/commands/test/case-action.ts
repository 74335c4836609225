import type { Fault } from '../../document/fault.ts';
import type { StreamConfig } from '../../model/config.ts';
import type { MarkName } from '../../model/record.ts';

/** An action of a case. `at`: time by the clock of Weir, milliseconds from the start of the case. */
export type CaseAction = { readonly at: number } & (
  | { readonly kind: 'message'; readonly topic: string; readonly payload: string }
  | { readonly kind: 'mark'; readonly mark: MarkName }
  | { readonly kind: 'tick' }
  | { readonly kind: 'clock'; readonly to: number }
  | { readonly kind: 'stops' }
  | { readonly kind: 'starts' }
  | { readonly kind: 'attributes'; readonly device: string; readonly text: string | undefined }
);

/** Reports a fault of a step. */
export type ReportStepFault = (key: string, fault: Pick<Fault, 'code' | 'message' | 'remedy'>, which?: 'key') => void;

/** A stream with its index in the config. */
export interface StreamRef {
  readonly config: StreamConfig;
  readonly index: number;
}
