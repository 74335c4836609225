import type { FaultName } from './faults.ts';

/** A message to publish, with what the simulator knows about it. */
export interface SimulatedMessage {
  /** When to send it: milliseconds since the epoch, possibly with a fraction; never before the previous message. */
  readonly at: number;
  readonly topic: string;
  readonly payload: string | Uint8Array;
  readonly qos: 0 | 1 | 2;
  /** `garbage` must be rejected by a receiver; `status` is `online` or `offline` on the status topic. */
  readonly kind: 'reading' | 'garbage' | 'status';
  readonly device: string;
  /** Whether this is a duplicate of an earlier message. */
  readonly copy: boolean;
  /** Faults that changed this message. */
  readonly faults: readonly FaultName[];
}

/** Number of messages of each kind. */
export interface Tally {
  messages: number;
  /** Valid readings, duplicates included. */
  readings: number;
  /** Valid readings without duplicates: no two have the same bytes. */
  distinctReadings: number;
  /** Duplicates of readings and of garbage. */
  duplicates: number;
  garbage: number;
  status: number;
  /** Number of messages that each fault changed. */
  readonly byFault: Partial<Record<FaultName, number>>;
}

export function createTally(): Tally {
  return { messages: 0, readings: 0, distinctReadings: 0, duplicates: 0, garbage: 0, status: 0, byFault: {} };
}

/** Counts one message. */
export function countMessage(tally: Tally, message: SimulatedMessage): void {
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
