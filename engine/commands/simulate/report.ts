import type { FaultName } from '../../simulator/faults.ts';
import type { Simulator } from '../../simulator/simulator.ts';
import type { Tally } from '../../simulator/tally.ts';

/** How far a simulation is. */
export interface SimulationProgress {
  readonly elapsedMs: number;
  readonly sent: number;
  readonly acknowledged: number;
  readonly connected: boolean;
  /** Episodes under way. */
  readonly active: readonly { readonly fault: FaultName; readonly device: string }[];
}

/** What a simulation did. All kinds are counts of messages that the broker acknowledged. */
export interface SimulationReport {
  /** Messages handed to the connection. */
  readonly published: number;
  readonly acknowledged: number;
  /** Messages handed over whose acknowledgement did not come in time; the broker may have them or not. */
  readonly unacknowledged: number;
  /** Valid readings, copies included. */
  readonly readings: number;
  /** Valid readings without their copies. */
  readonly distinctReadings: number;
  readonly duplicates: number;
  /** Messages that a reader must reject. */
  readonly garbage: number;
  readonly status: number;
  /** Messages that faults kept back. */
  readonly withheld: number;
  readonly elapsedMs: number;
  /** Acknowledged messages per second. */
  readonly perSecond: number;
  /** Acknowledged messages that a fault touched, and those that it kept back. */
  readonly byFault: Readonly<Partial<Record<FaultName, FaultReport>>>;
}

export interface FaultReport {
  readonly devices: readonly string[];
  readonly messages: number;
  readonly withheld: number;
}

/** Counts of a finished simulation, from what was acknowledged and, for a fleet, what it made. */
export function reportOf(
  sent: number,
  tally: Tally,
  fleet: Simulator | undefined,
  elapsedMs: number,
): SimulationReport {
  const { messages: acknowledged, byFault, ...kinds } = tally;
  const made = fleet?.made();
  const faults = (fleet?.assignments() ?? []).map(({ fault, devices }): [FaultName, FaultReport] => [
    fault,
    { devices, messages: byFault[fault] ?? 0, withheld: made?.withheldByFault[fault] ?? 0 },
  ]);
  return {
    published: sent,
    acknowledged,
    unacknowledged: sent - acknowledged,
    ...kinds,
    withheld: made?.withheld ?? 0,
    elapsedMs,
    perSecond: Math.round((acknowledged * 1000) / Math.max(1, elapsedMs)),
    byFault: Object.fromEntries(faults),
  };
}
