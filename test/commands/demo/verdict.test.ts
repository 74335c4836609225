import { describe, expect, test } from 'vitest';
import { renderSummary } from '../../../engine/commands/demo/summary.ts';
import { type Evidence, judge } from '../../../engine/commands/demo/verdict.ts';
import type { SimulationReport } from '../../../engine/commands/simulate/report.ts';

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
  engine: { journaled: 110, redelivered: 0 },
  before: { alertsFiring: 2, alertsResolved: 1 },
  after: { rows: 90, late: 7, rejected: 10, visiting: { rows: 0, rejected: 0 }, alertsFiring: 5, alertsResolved: 3 },
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
        visiting: 0,
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
    [
      'the journal lacks one',
      { engine: { journaled: 109, redelivered: 0 } },
      0,
      [/^The journal took 104 messages, but .* 105/],
    ],
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

describe("a visitor's messages", () => {
  const visited = (messages: number, changes: Partial<Evidence['after']>): Evidence => ({
    ...sound,
    engine: { journaled: 110 + messages, redelivered: 0 },
    after: { ...sound.after, ...changes },
  });

  test.each<[string, Evidence]>([
    ['of devices of their own', visited(5, { visiting: { rows: 3, rejected: 2 } })],
    ['in the name of a simulated device', visited(5, { rows: 93, rejected: 12 })],
    ['sent twice, or about a status', visited(5, { visiting: { rows: 1, rejected: 0 } })],
  ])('%s are welcome, and counted apart', (_name, evidence) => {
    const { figures, problems } = judge(evidence);
    expect(problems).toEqual([]);
    expect(figures).toMatchObject({ published: 105, journaled: 105, visiting: 5, lost: 0 });
    const lines = renderSummary({ figures, problems }, { rejectedBy: [] });
    expect(lines.filter((each) => each.includes('yours'))).toEqual([
      expect.stringMatching(/ 5 {2}published by somebody/),
    ]);
  });

  test('explain no more rows and dead letters than there are messages', () => {
    for (const evidence of [
      visited(2, { visiting: { rows: 3, rejected: 0 } }),
      visited(2, { rows: 93 }),
      visited(2, { rows: 91, visiting: { rows: 1, rejected: 1 } }),
    ]) {
      expect(judge(evidence).problems).toEqual([expect.stringContaining('1 rows and dead letters more')]);
    }
  });

  test('hide no loss of what was simulated', () => {
    const { figures, problems } = judge(visited(5, { rows: 89, visiting: { rows: 5, rejected: 0 } }));
    expect(figures.lost).toBe(1);
    expect(problems).toEqual([expect.stringContaining('lost')]);
  });

  test('are none where the broker delivered again', () => {
    const { figures, problems } = judge({ ...sound, engine: { journaled: 112, redelivered: 2 } });
    expect(problems).toEqual([]);
    expect(figures.visiting).toBe(0);
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
