import type { SimulationReport } from '../simulate/report.ts';
import type { AlertTracker } from './alert-tracker.ts';
import type { EngineFigures, StoredCounts } from './counts.ts';

/** The counts of a run. Each is taken at the destination of what it counts. `--json` prints them. */
export interface Figures {
  /** Number of readings and garbage messages that the broker acknowledged. */
  readonly published: number;
  /** Number of messages in the journal, from the engine's metrics. */
  readonly journaled: number;
  /** Number of rows in the table; each reading counts once. */
  readonly rows: number;
  /** Number of these rows that are late. */
  readonly late: number;
  /** Number of messages in the dead letter table. */
  readonly rejected: number;
  /** Number of messages of other publishers (users of the demo). No other count includes them. */
  readonly visiting: number;
  /** Number of alert events that a NATS subscriber received. */
  readonly alerts: { readonly firing: number; readonly resolved: number };
  readonly natsEvents: number;
  /** Number of messages that the broker acknowledged, but that are neither a row nor a dead letter. */
  readonly lost: number;
  /** Time from the first message to the last row. */
  readonly durationMs: number;
}

/** The result of a run: its counts, and what is wrong with them. */
export interface DemoResult {
  readonly figures: Figures;
  /** One sentence for each mismatch; empty if nothing was lost and every difference is explained. */
  readonly problems: readonly string[];
}

/** Everything that was measured in a run. */
export interface Measurements {
  readonly report: SimulationReport;
  readonly engine: Pick<EngineFigures, 'journaled' | 'redelivered'>;
  /** Counts before the first message. `after` has the counts after the engine has stopped. */
  readonly before: Pick<StoredCounts, 'alertsFiring' | 'alertsResolved'>;
  readonly after: Omit<StoredCounts, 'online' | 'offline' | 'rejectedBy' | 'clamped'>;
  readonly alerts: Pick<AlertTracker, 'firing' | 'resolvedCount' | 'events'>;
  readonly durationMs: number;
  /** Whether the engine delivered everything and exited by itself. */
  readonly endedWell: boolean;
}

/**
 * Compares the counts. A reading that was sent twice must be one row, and the number of rejected messages must be the number of garbage
 * messages. Messages in the journal that the simulator did not publish are from other publishers: each may be one more row or dead
 * letter, also with the id of a simulated device.
 */
export function checkRun(measured: Measurements): DemoResult {
  const { report, engine, after, alerts } = measured;
  const published = report.readings + report.garbage;
  const copies = report.readings - report.distinctReadings;
  const missing = published - after.rejected - copies - after.rows;
  // Status messages are journaled too, but are neither readings nor garbage.
  const journaled = Math.max(0, engine.journaled - engine.redelivered - report.status);
  const visiting = Math.max(0, journaled - published - report.unacknowledged);
  const figures: Figures = {
    published,
    journaled: journaled - visiting,
    rows: after.rows,
    late: after.late,
    rejected: after.rejected,
    visiting,
    alerts: { firing: alerts.firing, resolved: alerts.resolvedCount },
    natsEvents: alerts.events,
    lost: Math.max(0, missing),
    durationMs: Math.round(measured.durationMs),
  };
  return { figures, problems: findProblems(measured, figures, missing) };
}

function findProblems(measured: Measurements, figures: Figures, missing: number): string[] {
  const { report, before, after, alerts } = measured;
  const problems: string[] = [];
  const differ = (found: number, wanted: number, sentence: string) => {
    if (found !== wanted) problems.push(sentence);
  };
  if (report.unacknowledged > 0) {
    problems.push(
      `The broker did not acknowledge ${report.unacknowledged} messages; it is unknown whether they arrived.`,
    );
  }
  if (missing > 0)
    problems.push(`${missing} messages were acknowledged, but are neither rows nor dead letters: they are lost.`);
  // A message is at most one row or dead letter; those of devices that are not simulated are counted separately.
  const unnamed = figures.visiting - after.visiting.rows - after.visiting.rejected;
  const surplus = Math.max(0, -missing) - unnamed;
  if (surplus > 0) problems.push(`There are ${surplus} more rows and dead letters than messages sent.`);
  differ(
    figures.journaled,
    figures.published,
    `The journal has ${figures.journaled} messages, but the broker acknowledged ${figures.published}.`,
  );
  const rejectedMore = after.rejected - report.garbage;
  if (rejectedMore < 0 || rejectedMore > Math.max(0, unnamed)) {
    problems.push(`${after.rejected} messages were rejected, but ${report.garbage} garbage messages were sent.`);
  }
  const stored = {
    firing: after.alertsFiring - before.alertsFiring,
    resolved: after.alertsResolved - before.alertsResolved,
  };
  if (stored.firing !== alerts.firing || stored.resolved !== alerts.resolvedCount) {
    problems.push(
      `NATS delivered ${alerts.firing} firing and ${alerts.resolvedCount} resolved alerts, but the table has ${stored.firing} and ${stored.resolved}.`,
    );
  }
  if (!measured.endedWell) problems.push('The engine did not stop cleanly; see its log for the reason.');
  return problems;
}
