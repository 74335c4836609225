import { count } from '../../model/printable.ts';
import type { StoredCounts } from './observe.ts';
import type { DemoResult } from './verdict.ts';

/** The end of a run for people: what arrived where, and the verdict. */
export function renderSummary({ figures, problems }: DemoResult, stored: Pick<StoredCounts, 'rejectedBy'>): string[] {
  const reasons = stored.rejectedBy.map(([reason, messages]) => `${reason} ${count(messages)}`).join(', ');
  const rows: (readonly [what: string, value: number, where: string])[] = [
    ['published', figures.published, 'acknowledged by the broker'],
    ['journaled', figures.journaled, "the engine's /metrics"],
    ['rows', figures.rows, `weir.sensors FINAL, ${count(figures.late)} of them late`],
    ['rejected', figures.rejected, 'weir.dead_letters'],
    ...(figures.visiting > 0
      ? [['yours', figures.visiting, 'published by somebody else, counted apart'] as const]
      : []),
    ['alerts firing', figures.alerts.firing, 'subscriber on NATS'],
    ['alerts resolved', figures.alerts.resolved, 'subscriber on NATS'],
    ['events', figures.natsEvents, 'subscriber on NATS, of every kind'],
    ['lost', figures.lost, 'published, but neither a row nor rejected'],
  ];
  const width = Math.max(...rows.map(([, value]) => count(value).length));
  return [
    `In ${(figures.durationMs / 1_000).toFixed(1)} s, each counted where it ended up:`,
    ...rows.map(([what, value, where]) => `  ${what.padEnd(15)}  ${count(value).padStart(width)}  ${where}`),
    ...(reasons === '' ? [] : [`Rejected: ${reasons}`]),
    ...(problems.length === 0
      ? ['Nothing lost: each acknowledged message is one row or one dead letter.']
      : problems.map((problem) => `NOT GOOD: ${problem}`)),
  ];
}
