import { describe, expect, test } from 'vitest';
import { checkRun, type Measurements } from '../../../engine/commands/demo/result.ts';
import { renderSummary } from '../../../engine/commands/demo/summary.ts';
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

const sound: Measurements = {
  report,
  engine: { journaled: 110, redelivered: 0 },
  before: { alertsFiring: 2, alertsResolved: 1 },
  after: { rows: 90, late: 7, rejected: 10, visiting: { rows: 0, rejected: 0 }, alertsFiring: 5, alertsResolved: 3 },
  alerts: { firing: 3, resolvedCount: 2, events: 20 },
  durationMs: 1_234.5,
  endedWell: true,
};

describe('checkRun', () => {
  test('counts duplicates once, ignores status messages, and finds no problem', () => {
    expect(checkRun(sound)).toEqual({
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

  const stored = (changes: Partial<Measurements['after']>): Partial<Measurements> => ({
    after: { ...sound.after, ...changes },
  });
  const alerts = (changes: Partial<Measurements['alerts']>): Partial<Measurements> => ({
    alerts: { ...sound.alerts, ...changes },
  });
  test.each<[string, Partial<Measurements>, number, RegExp[]]>([
    ['a row is missing', stored({ rows: 89 }), 1, [/^1 messages were acknowledged, but are neither/]],
    ['there is a row too many', stored({ rows: 92 }), 0, [/^There are 2 more rows and dead letters/]],
    [
      'a dead letter is missing',
      stored({ rejected: 9 }),
      1,
      [/: they are lost\.$/, /^9 messages were rejected, but 10 garbage messages were sent/],
    ],
    [
      'a valid reading was rejected',
      stored({ rows: 89, rejected: 11 }),
      0,
      [/^11 messages were rejected, but 10 garbage messages were sent/],
    ],
    [
      'the journal lacks a message',
      { engine: { journaled: 109, redelivered: 0 } },
      0,
      [/^The journal has 104 messages, but .* 105/],
    ],
    [
      'the broker did not acknowledge',
      { report: { ...report, unacknowledged: 4 } },
      0,
      [/^The broker did not acknowledge 4 messages/],
    ],
    ['an event did not reach NATS', alerts({ firing: 2 }), 0, [/^NATS delivered 2 firing .* table has 3 and 2/]],
    ['a resolved alert has no row', stored({ alertsResolved: 2 }), 0, [/table has 3 and 1\.$/]],
    ['the engine was killed', { endedWell: false }, 0, [/^The engine did not stop cleanly/]],
  ])('%s', (_name, changes, lost, problems) => {
    const result = checkRun({ ...sound, ...changes });
    expect(result.figures.lost).toBe(lost);
    expect(result.problems).toHaveLength(problems.length);
    problems.forEach((pattern, i) => {
      expect(result.problems[i]).toMatch(pattern);
    });
  });
});

describe('messages of other publishers', () => {
  const visited = (messages: number, changes: Partial<Measurements['after']>): Measurements => ({
    ...sound,
    engine: { journaled: 110 + messages, redelivered: 0 },
    after: { ...sound.after, ...changes },
  });

  test.each<[string, Measurements]>([
    ['of devices that are not simulated', visited(5, { visiting: { rows: 3, rejected: 2 } })],
    ['with the id of a simulated device', visited(5, { rows: 93, rejected: 12 })],
    ['sent twice, or about a status', visited(5, { visiting: { rows: 1, rejected: 0 } })],
  ])('%s are accepted and counted separately', (_name, measured) => {
    const { figures, problems } = checkRun(measured);
    expect(problems).toEqual([]);
    expect(figures).toMatchObject({ published: 105, journaled: 105, visiting: 5, lost: 0 });
    const lines = renderSummary({ figures, problems }, { rejectedBy: [] });
    expect(lines.filter((each) => each.includes('yours'))).toEqual([
      expect.stringMatching(/ 5 {2}from other publishers/),
    ]);
  });

  test('explain at most one row or dead letter per message', () => {
    for (const measured of [
      visited(2, { visiting: { rows: 3, rejected: 0 } }),
      visited(2, { rows: 93 }),
      visited(2, { rows: 91, visiting: { rows: 1, rejected: 1 } }),
    ]) {
      expect(checkRun(measured).problems).toEqual([expect.stringContaining('1 more rows and dead letters')]);
    }
  });

  test('do not hide the loss of a simulated message', () => {
    const { figures, problems } = checkRun(visited(5, { rows: 89, visiting: { rows: 5, rejected: 0 } }));
    expect(figures.lost).toBe(1);
    expect(problems).toEqual([expect.stringContaining('lost')]);
  });

  test('do not include messages that the broker delivered again', () => {
    const { figures, problems } = checkRun({ ...sound, engine: { journaled: 112, redelivered: 2 } });
    expect(problems).toEqual([]);
    expect(figures.visiting).toBe(0);
  });
});

describe('renderSummary', () => {
  const rejectedBy = [['malformed', 10] as const];

  test('reports that nothing was lost, in lines of at most 80 characters', () => {
    const lines = renderSummary(checkRun(sound), { rejectedBy });
    expect(lines.at(-1)).toMatch(/^Nothing lost/);
    expect(lines).toContain('Rejected: malformed 10');
    for (const each of lines) expect(each.length).toBeLessThanOrEqual(80);
  });

  test('reports a problem instead', () => {
    const lines = renderSummary(checkRun({ ...sound, after: { ...sound.after, rows: 89 } }), { rejectedBy });
    expect(lines.at(-1)).toMatch(/^PROBLEM: 1 messages/);
    expect(lines.join('\n')).not.toContain('Nothing lost');
  });
});
