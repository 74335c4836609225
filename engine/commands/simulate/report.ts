import type { FaultName } from '../../simulator/faults.ts';
import type { Simulator } from '../../simulator/simulator.ts';
import type { Tally } from '../../simulator/tally.ts';

/** The progress of a running simulation. */
export interface SimulationProgress {
  readonly elapsedMs: number;
  readonly sent: number;
  readonly acknowledged: number;
  readonly connected: boolean;
  /** Faults that are active now, with their devices. */
  readonly active: readonly { readonly fault: FaultName; readonly device: string }[];
}

/** The result of a simulation. Counts by kind include only messages that the broker acknowledged. `--json` prints it. */
export interface SimulationReport {
  /** Messages passed to the connection. */
  readonly published: number;
  readonly acknowledged: number;
  /** Messages whose acknowledgement did not come before the deadline; it is unknown whether the broker has them. */
  readonly unacknowledged: number;
  /** Valid readings, duplicates included. */
  readonly readings: number;
  /** Valid readings without duplicates. */
  readonly distinctReadings: number;
  readonly duplicates: number;
  /** Invalid messages, which a receiver must reject. */
  readonly garbage: number;
  readonly status: number;
  /** Messages that were not sent because of a fault. */
  readonly withheld: number;
  readonly elapsedMs: number;
  /** Acknowledged messages per second. */
  readonly perSecond: number;
  /** By fault: acknowledged messages that it changed, and messages that it suppressed. */
  readonly byFault: Readonly<Partial<Record<FaultName, FaultReport>>>;
}

export interface FaultReport {
  readonly devices: readonly string[];
  readonly messages: number;
  readonly withheld: number;
}

/** Makes the report of a finished simulation from the acknowledged messages and, for a fleet, the generated ones. */
export function reportOf(
  sent: number,
  tally: Tally,
  fleet: Simulator | undefined,
  elapsedMs: number,
): SimulationReport {
  const { messages: acknowledged, byFault, ...kinds } = tally;
  const generated = fleet?.generated();
  const faults = (fleet?.assignments() ?? []).map(({ fault, devices }): [FaultName, FaultReport] => [
    fault,
    { devices, messages: byFault[fault] ?? 0, withheld: generated?.withheldByFault[fault] ?? 0 },
  ]);
  return {
    published: sent,
    acknowledged,
    unacknowledged: sent - acknowledged,
    ...kinds,
    withheld: generated?.withheld ?? 0,
    elapsedMs,
    perSecond: Math.round((acknowledged * 1000) / Math.max(1, elapsedMs)),
    byFault: Object.fromEntries(faults),
  };
}
