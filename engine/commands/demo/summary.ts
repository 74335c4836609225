import { count } from '../../model/printable.ts';
import type { StoredCounts } from './counts.ts';
import type { DemoResult } from './result.ts';

/** Renders the result of a run as text: each count with its source, then the conclusion. */
export function renderSummary({ figures, problems }: DemoResult, stored: Pick<StoredCounts, 'rejectedBy'>): string[] {
  const reasons = stored.rejectedBy.map(([reason, messages]) => `${reason} ${count(messages)}`).join(', ');
  const rows: (readonly [what: string, value: number, where: string])[] = [
    ['published', figures.published, 'acknowledged by the broker'],
    ['journaled', figures.journaled, "the engine's /metrics"],
    ['rows', figures.rows, `weir.sensors FINAL, ${count(figures.late)} of them late`],
    ['rejected', figures.rejected, 'weir.dead_letters'],
    ...(figures.visiting > 0
      ? [['yours', figures.visiting, 'from other publishers, counted separately'] as const]
      : []),
    ['alerts firing', figures.alerts.firing, 'subscriber on NATS'],
    ['alerts resolved', figures.alerts.resolved, 'subscriber on NATS'],
    ['events', figures.natsEvents, 'subscriber on NATS, all types'],
    ['lost', figures.lost, 'published, but neither stored nor rejected'],
  ];
  const width = Math.max(...rows.map(([, value]) => count(value).length));
  return [
    `In ${(figures.durationMs / 1_000).toFixed(1)} s, each number counted at its destination:`,
    ...rows.map(([what, value, where]) => `  ${what.padEnd(15)}  ${count(value).padStart(width)}  ${where}`),
    ...(reasons === '' ? [] : [`Rejected: ${reasons}`]),
    ...(problems.length === 0
      ? ['Nothing lost: each acknowledged message is one row or one dead letter.']
      : problems.map((problem) => `PROBLEM: ${problem}`)),
  ];
}
