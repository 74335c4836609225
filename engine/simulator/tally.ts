import type { FaultName } from './faults.ts';

/** A message to publish, with the truth about it. */
export interface PublishedCounts {
  /** When to send it, milliseconds since the epoch, maybe with a fraction; never less than the message before. */
  readonly at: number;
  readonly topic: string;
  readonly payload: string | Uint8Array;
  readonly qos: 0 | 1 | 2;
  /** `garbage` is what a reader must reject; `status` is `online` or `offline` on the status topic. */
  readonly kind: 'reading' | 'garbage' | 'status';
  readonly device: string;
  /** The second copy of a message that went out before. */
  readonly copy: boolean;
  /** Faults that touched this very message. */
  readonly faults: readonly FaultName[];
}

/** How many messages of each kind there were. */
export interface Tally {
  messages: number;
  /** Valid readings, copies included. */
  readings: number;
  /** Valid readings without their copies: no two are the same bytes. */
  distinctReadings: number;
  /** Second copies, of readings and of garbage. */
  duplicates: number;
  garbage: number;
  status: number;
  /** Messages that each fault touched. */
  readonly byFault: Partial<Record<FaultName, number>>;
}

export function createTally(): Tally {
  return { messages: 0, readings: 0, distinctReadings: 0, duplicates: 0, garbage: 0, status: 0, byFault: {} };
}

/** Counts one message. */
export function countMessage(tally: Tally, message: PublishedCounts): void {
  tally.messages += 1;
  if (message.copy) tally.duplicates += 1;
  if (message.kind === 'garbage') tally.garbage += 1;
  else if (message.kind === 'status') tally.status += 1;
  else {
    tally.readings += 1;
    if (!message.copy) tally.distinctReadings += 1;
  }
  for (const fault of message.faults) tally.byFault[fault] = (tally.byFault[fault] ?? 0) + 1;
}
