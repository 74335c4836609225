import type { SimulationReport } from '../simulate/report.ts';
import type { Board } from './board.ts';
import type { EngineFigures, StoredCounts } from './observe.ts';

/** The figures of a run, every one counted where it ended up. */
export interface Figures {
  /** Readings and garbage that the broker acknowledged. */
  readonly published: number;
  /** By the engine's own counter. */
  readonly journaled: number;
  /** In the table, each reading once. */
  readonly rows: number;
  /** Of the rows. */
  readonly late: number;
  /** Messages among the dead letters. */
  readonly rejected: number;
  /** Messages that somebody else has published meanwhile; in none of the figures above. */
  readonly visiting: number;
  /** As an ordinary subscriber saw them. */
  readonly alerts: { readonly firing: number; readonly resolved: number };
  readonly natsEvents: number;
  readonly lost: number;
  /** From the first message to the last row. */
  readonly durationMs: number;
}

/** What a run came to. */
export interface DemoResult {
  readonly figures: Figures;
  /** What does not add up, a sentence each; empty when nothing was lost and all is explained. */
  readonly problems: readonly string[];
}

export interface Evidence {
  readonly report: SimulationReport;
  readonly engine: Pick<EngineFigures, 'journaled' | 'redelivered'>;
  /** Before the first message and after the engine had ended. */
  readonly before: Pick<StoredCounts, 'alertsFiring' | 'alertsResolved'>;
  readonly after: Omit<StoredCounts, 'online' | 'offline' | 'rejectedBy' | 'clamped'>;
  readonly board: Pick<Board, 'firing' | 'resolvedCount' | 'events'>;
  readonly durationMs: number;
  /** Whether the engine delivered everything and ended by itself. */
  readonly endedWell: boolean;
}

/**
 * Does the sums. A reading that was sent twice counts once at the far end; what was rejected must be what was meant to be. What is in the
 * journal beyond what was published is a visitor's, and may be a row or a dead letter more, also in the name of a simulated device.
 */
export function judge(evidence: Evidence): DemoResult {
  const { report, engine, after, board } = evidence;
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
    alerts: { firing: board.firing, resolved: board.resolvedCount },
    natsEvents: board.events,
    lost: Math.max(0, missing),
    durationMs: Math.round(evidence.durationMs),
  };
  return { figures, problems: findProblems(evidence, figures, missing) };
}

function findProblems(evidence: Evidence, figures: Figures, missing: number): string[] {
  const { report, before, after, board } = evidence;
  const problems: string[] = [];
  const differ = (found: number, wanted: number, sentence: string) => {
    if (found !== wanted) problems.push(sentence);
  };
  if (report.unacknowledged > 0) {
    problems.push(`The broker did not acknowledge ${report.unacknowledged} messages; they may have arrived or not.`);
  }
  if (missing > 0) problems.push(`${missing} messages were acknowledged, but are neither rows nor dead letters: lost.`);
  // Each message is one row or dead letter at most; those of devices of their own are counted apart.
  const unnamed = figures.visiting - after.visiting.rows - after.visiting.rejected;
  const surplus = Math.max(0, -missing) - unnamed;
  if (surplus > 0) problems.push(`There are ${surplus} rows and dead letters more than messages were sent.`);
  differ(
    figures.journaled,
    figures.published,
    `The journal took ${figures.journaled} messages, but the broker acknowledged ${figures.published}.`,
  );
  const rejectedMore = after.rejected - report.garbage;
  if (rejectedMore < 0 || rejectedMore > Math.max(0, unnamed)) {
    problems.push(`${after.rejected} messages were rejected, but ${report.garbage} were meant to be.`);
  }
  const stored = {
    firing: after.alertsFiring - before.alertsFiring,
    resolved: after.alertsResolved - before.alertsResolved,
  };
  if (stored.firing !== board.firing || stored.resolved !== board.resolvedCount) {
    problems.push(
      `NATS brought ${board.firing} alerts firing and ${board.resolvedCount} resolved, but the table has ${stored.firing} and ${stored.resolved}.`,
    );
  }
  if (!evidence.endedWell) problems.push('The engine did not end in good order; its log says why.');
  return problems;
}
