import type { Fault } from '../../document/fault.ts';
import type { StreamConfig } from '../../model/config.ts';
import type { MarkName } from '../../model/record.ts';

/** Something that happens at a time of our own clock, milliseconds from the start of the case. */
export type Happening = { readonly at: number } & (
  | { readonly kind: 'message'; readonly topic: string; readonly payload: string }
  | { readonly kind: 'mark'; readonly mark: MarkName }
  | { readonly kind: 'tick' }
  | { readonly kind: 'clock'; readonly to: number }
  | { readonly kind: 'stops' }
  | { readonly kind: 'starts' }
  | { readonly kind: 'attributes'; readonly device: string; readonly text: string | undefined }
);

/** Takes down what is wrong with a step. */
export type StepReport = (key: string, fault: Pick<Fault, 'code' | 'message' | 'remedy'>, which?: 'key') => void;

/** A stream with its place among the others. */
export interface Found {
  readonly config: StreamConfig;
  readonly index: number;
}
