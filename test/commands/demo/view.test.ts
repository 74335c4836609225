import { stripVTControlCharacters } from 'node:util';
import { describe, expect, test } from 'vitest';
import type { ShownAlert } from '../../../engine/commands/demo/alert-tracker.ts';
import { clock, column, heightOf, line, size } from '../../../engine/commands/demo/text.ts';
import { renderStatus, renderView, type TerminalFormat, type View } from '../../../engine/commands/demo/view.ts';

const NOW = 1_800_000_000_000;

function alert(n: number, severity: string): ShownAlert {
  return {
    rule: 'temperature-limit',
    key: `dev-${n}`,
    severity,
    message: `dev-${n} reports 61 °C`,
    sinceAt: NOW - n * 1_000,
  };
}

const hints = {
  curl: `curl http://127.0.0.1:40000 -d 'SELECT ${'x'.repeat(80)}'`,
  subscribe: `node -e '${'y'.repeat(130)}'`,
  publish: `npx mqtt ${'z'.repeat(84)}`,
  metricsUrl: 'http://127.0.0.1:40001/metrics',
  config: '.weir/demo/weir.json',
  log: '.weir/demo/weir.log',
};

const view: View = {
  now: NOW,
  phase: 'Ctrl-C stops it',
  elapsedMs: 65_000,
  forMs: 120_000,
  devices: 50,
  everyMs: 1_000,
  published: 12_345,
  publishedPerSecond: 49.96,
  rowsPerSecond: 48.2,
  stored: {
    rows: 12_000,
    late: 30,
    clamped: 4,
    rejected: 345,
    rejectedBy: [
      ['malformed', 300],
      ['wrong-type', 45],
    ],
    visiting: { rows: 0, rejected: 0 },
    online: 47,
    offline: 3,
    alertsFiring: 0,
    alertsResolved: 0,
  },
  engine: {
    journaled: 12_345,
    redelivered: 0,
    nextOffset: 12_500,
    lagMs: 3.2,
    pendingBytes: 2_048,
    residentBytes: 92_000_000,
    paused: false,
    dropped: [['shed (QoS 0)', 7]],
  },
  alerts: {
    open: Array.from({ length: 12 }, (_, i) => alert(i + 1, i === 0 ? 'critical' : 'warning')),
    resolved: Array.from({ length: 12 }, (_, i) => ({ ...alert(100 + i, 'info'), resolvedAt: NOW })),
    events: 99,
    firing: 24,
    resolvedCount: 12,
  },
  faults: [['spikes', 3]],
  hints,
};

const format = (columns: number, rows: number, color = false): TerminalFormat => ({ columns, rows, color });

describe('renderView', () => {
  test('fits every terminal size, with and without colours: no line except the commands is wider than the terminal', () => {
    for (const color of [false, true]) {
      for (const columns of [20, 30, 44, 60, 79, 80, 100, 120, 200]) {
        for (const rows of [2, 5, 8, 12, 16, 24, 30, 40, 60]) {
          const lines = renderView(view, format(columns, rows, color));
          expect(heightOf(lines, columns), `${columns}×${rows}`).toBeLessThanOrEqual(rows - 1);
          const { curl, subscribe, publish } = hints;
          const rest = lines.filter((text) => ![curl, subscribe, publish].includes(text));
          for (const text of rest.slice(0, 5)) {
            expect(stripVTControlCharacters(text).length, `${columns}×${rows}: ${text}`).toBeLessThanOrEqual(columns);
          }
        }
      }
    }
  });

  test('shows at 80×24 all counts, as many open alerts as fit, a resolved one, and all commands uncut', () => {
    const lines = renderView(view, format(80, 24));
    const text = lines.join('\n');
    expect(text).toContain('1:05 of 2:00');
    expect(text).toContain('published 12,345');
    expect(text).toContain('malformed 300, wrong-type 45  shed (QoS 0) 7');
    expect(text).toContain('47 online, 3 offline  faults: spikes 3');
    expect(text).toContain('critical temperature-limit     dev-1      0:01  reports 61 °C');
    const open = lines.filter((each) => /dev-\d\d? /.test(each)).length;
    expect(open).toBeGreaterThanOrEqual(5);
    expect(text).toContain(`OPEN ALERTS 12, ${12 - open} more  fired 24`);
    expect(text).toMatch(/RESOLVED.*\n.*dev-100 /);
    expect(heightOf(lines, 80)).toBe(23);
    expect(lines).toContain(hints.publish);
    expect(lines).toContain(hints.curl);
    expect(lines).toContain(hints.subscribe);
    expect(text).toContain(hints.metricsUrl);
  });

  test('gives the alerts all rows of a tall terminal, and unused rows of one kind to the other', () => {
    const tall = renderView(view, format(120, 60)).join('\n');
    for (let n = 1; n <= 12; n++) expect(tall).toMatch(new RegExp(`dev-${n} `));
    expect(tall).toContain('OPEN ALERTS 12  fired');
    expect(tall).toContain('dev-111 ');
    const noneOpen = renderView({ ...view, alerts: { ...view.alerts, open: [] } }, format(80, 24)).join('\n');
    expect(noneOpen).toContain('OPEN ALERTS 0');
    expect(noneOpen).toContain('dev-103 ');
  });

  test('leaves the commands out if there is no room for them, or if the run is done', () => {
    for (const lines of [renderView(view, format(80, 12)), renderView({ ...view, hints: undefined }, format(80, 24))]) {
      expect(lines.join('\n')).not.toContain('curl');
      expect(lines.join('\n')).toContain('OPEN ALERTS');
    }
  });

  test('counts messages of other publishers separately', () => {
    const visited = { ...view, stored: { ...view.stored, visiting: { rows: 2, rejected: 1 } } };
    expect(renderView(visited, format(80, 24)).join('\n')).toContain('3 offline  your messages 3  faults');
  });

  test('colours severities, or nothing if colours are off', () => {
    expect(renderView(view, format(80, 24, true)).join('\n')).toContain('\u001b[31mcritical \u001b[0m');
    expect(renderView(view, format(80, 24, false)).join('\n')).not.toContain('\u001b');
  });
});

test('renderStatus is one line with the counts', () => {
  const text = renderStatus(view);
  expect(text).not.toContain('\n');
  expect(text).toContain('published 12345  rows 12000  late 30  rejected 345  alerts 12 open, 24 fired, 12 resolved');
});

describe('line', () => {
  test.each([
    [['abcdef'], 6, 'abcdef'],
    [['abcdefg'], 6, 'abcde…'],
    [['abc', { text: 'defg', style: 'red' as const }], 6, 'abcde…'],
    [['abc', 'd'], 3, 'abc'],
    [['a\u001b[2Jb\n'], 10, 'a\\u001b[2…'],
    [['\u{1f600}\u{1f600}\u{1f600}'], 6, '\u{1f600}\u{1f600}\u{1f600}'],
    [['\u{1f600}\u{1f600}\u{1f600}'], 4, '\u{1f600}…'],
    [['温度が高い'], 9, '温度が高…'],
    [['温度が高い'], 8, '温度が…'],
    [['e\u0301e\u0301e\u0301'], 3, 'e\u0301e\u0301e\u0301'],
    [['e\u0301e\u0301e\u0301'], 2, 'e\u0301…'],
    [['\u{1f469}\u200d\u{1f692} ok'], 4, '\u{1f469}\u200d\u{1f692} …'],
  ])('%j in %d columns', (spans, width, expected) => {
    expect(line(spans, width, false)).toBe(expected);
  });
});

test.each([
  ['dev', 5, 'dev  '],
  ['device', 5, 'devi…'],
  ['機械一', 8, '機械一  '],
  ['機械一', 5, '機械…'],
  ['機械一', 4, '機… '],
])('column(%j, %d) is %j', (text, width, expected) => {
  expect(column(text, width)).toBe(expected);
});

test.each([
  ['', 4, 1],
  ['abcd', 4, 1],
  ['abcde', 4, 2],
  ['機械一', 6, 1],
  // A wide character with only one column left goes to the next row.
  ['機械一', 5, 2],
  ['機械一二三', 3, 5],
  ['\u001b[31mab\u001b[0mcd', 4, 1],
])('%j at %d columns takes %d rows', (text, columns, rows) => {
  expect(heightOf([text], columns)).toBe(rows);
});

test.each([
  [-5, '0:00'],
  [59_999, '0:59'],
  [3_661_000, '61:01'],
])('clock(%d) is %s', (ms, text) => {
  expect(clock(ms)).toBe(text);
});

test.each([
  [999, '999 B'],
  [1_500, '1.5 kB'],
  [92_400_000, '92 MB'],
])('size(%d) is %s', (bytes, text) => {
  expect(size(bytes)).toBe(text);
});
