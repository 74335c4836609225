import { describe, expect, test } from 'vitest';
import { renderSummary } from '../../../engine/commands/demo/summary.ts';
import { type Evidence, judge } from '../../../engine/commands/demo/verdict.ts';
import type { SimulationReport } from '../../../engine/commands/simulation-report.ts';

const report: SimulationReport = {
  published: 110,
  acknowledged: 110,
  unacknowledged: 0,
  readings: 95,
  distinctReadings: 90,
  duplicates: 5,
  garbage: 10,
  status: 5,
  withheld: 0,
  elapsedMs: 1_000,
  perSecond: 110,
  byFault: {},
};

const sound: Evidence = {
  report,
  engine: { journaled: 110 },
  before: { alertsFiring: 2, alertsResolved: 1 },
  after: { rows: 90, late: 7, rejected: 10, alertsFiring: 5, alertsResolved: 3 },
  board: { firing: 3, resolvedCount: 2, events: 20 },
  durationMs: 1_234.5,
  endedWell: true,
};

describe('judge', () => {
  test('counts copies once, leaves status messages out, and finds nothing wrong', () => {
    expect(judge(sound)).toEqual({
      figures: {
        published: 105,
        journaled: 105,
        rows: 90,
        late: 7,
        rejected: 10,
        alerts: { firing: 3, resolved: 2 },
        natsEvents: 20,
        lost: 0,
        durationMs: 1_235,
      },
      problems: [],
    });
  });

  const stored = (changes: Partial<Evidence['after']>): Partial<Evidence> => ({
    after: { ...sound.after, ...changes },
  });
  const board = (changes: Partial<Evidence['board']>): Partial<Evidence> => ({ board: { ...sound.board, ...changes } });
  test.each<[string, Partial<Evidence>, number, RegExp[]]>([
    ['a row is missing', stored({ rows: 89 }), 1, [/^1 messages were acknowledged, but are neither/]],
    ['there is a row too many', stored({ rows: 92 }), 0, [/^There are 2 rows and dead letters more/]],
    [
      'a dead letter is missing',
      stored({ rejected: 9 }),
      1,
      [/: lost\.$/, /^9 messages were rejected, but 10 were meant/],
    ],
    [
      'a reading was rejected though it was sound',
      stored({ rows: 89, rejected: 11 }),
      0,
      [/^11 messages were rejected, but 10 were meant/],
    ],
    ['the journal lacks one', { engine: { journaled: 109 } }, 0, [/^The journal took 104 messages, but .* 105/]],
    [
      'the broker kept silent',
      { report: { ...report, unacknowledged: 4 } },
      0,
      [/^The broker did not acknowledge 4 messages/],
    ],
    ['an event did not reach NATS', board({ firing: 2 }), 0, [/^NATS brought 2 alerts firing .* table has 3 and 2/]],
    ['a resolved alert has no row', stored({ alertsResolved: 2 }), 0, [/table has 3 and 1\.$/]],
    ['the engine was ended by force', { endedWell: false }, 0, [/^The engine did not end in good order/]],
  ])('%s', (_name, changes, lost, problems) => {
    const verdict = judge({ ...sound, ...changes });
    expect(verdict.figures.lost).toBe(lost);
    expect(verdict.problems).toHaveLength(problems.length);
    problems.forEach((pattern, i) => {
      expect(verdict.problems[i]).toMatch(pattern);
    });
  });
});

describe('renderSummary', () => {
  const rejectedBy = [['malformed', 10] as const];

  test('says that nothing was lost, in lines of 80 characters', () => {
    const lines = renderSummary(judge(sound), { rejectedBy });
    expect(lines.at(-1)).toMatch(/^Nothing lost/);
    expect(lines).toContain('Rejected: malformed 10');
    for (const each of lines) expect(each.length).toBeLessThanOrEqual(80);
  });

  test('says what is wrong instead', () => {
    const lines = renderSummary(judge({ ...sound, after: { ...sound.after, rows: 89 } }), { rejectedBy });
    expect(lines.at(-1)).toMatch(/^NOT GOOD: 1 messages/);
    expect(lines.join('\n')).not.toContain('Nothing lost');
  });
});
