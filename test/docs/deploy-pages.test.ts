import { describe, expect, test } from 'vitest';
import { DEFAULTS } from '../../engine/config/defaults.ts';
import { createDecoder } from '../../engine/decode/decode.ts';
import type { Item } from '../../engine/model/item/item.ts';
import { FAULT_NAMES } from '../../engine/simulator/faults.ts';
import { createCounters } from '../../engine/telemetry.ts';
import { codeRows, codeSpans, readPage, sectionOf } from './pages.ts';
import { BROKERS, message, START_AT, sampleConfig } from './sample.ts';

describe('bad input', () => {
  const page = readPage('deploy/bad-input.md');
  const rows = ['Payloads', 'Other reasons'].flatMap((heading) => codeRows(sectionOf(page, heading)));
  const payloads = rows.filter(([first]) => /^[[{0]/.test(first!));

  test.each(payloads)('%s becomes %s', (shown, becomes) => {
    const bytes = shown!.startsWith('0x') ? Buffer.from(shown!.split(' ').map(Number)) : Buffer.from(shown!);
    const { streams, maxAheadMs } = sampleConfig();
    const decode = createDecoder({ streams, brokers: BROKERS, maxAheadMs, counters: createCounters() });
    const items: Item[] = [];
    decode(message(0, START_AT, 'plant/north/d1/data', bytes), items);
    expect(items.map((item) => (item.kind === 'rejected' ? `\`${item.reason}\`` : `a ${item.kind}`))).toEqual([
      becomes,
    ]);
  });

  test('has every reason', () => {
    const source = /export type RejectReason =([^;]*);/.exec(readPage('engine/model/item/decoded.ts'))![1]!;
    const real = Array.from(source.matchAll(/'([a-z0-9-]+)'/g), (match) => match[1]!);
    const named = rows.flatMap(([first, second]) =>
      payloads.some(([p]) => p === first) ? codeSpans(second!) : [first!],
    );
    expect([...new Set(named)].sort()).toEqual(real.sort());
  });

  test('shows the text of an undeclared field as it is kept', () => {
    const { streams, maxAheadMs } = sampleConfig();
    const decode = createDecoder({ streams, brokers: BROKERS, maxAheadMs, counters: createCounters() });
    const items: Item[] = [];
    const payload = payloads.find(([shown]) => shown!.includes('"note"'))![0]!;
    decode(message(0, START_AT, 'plant/north/d1/data', Buffer.from(payload)), items);
    expect(items[0]).toMatchObject({ extra: { note: '"Infinity"' } });
  });
});

test.each(codeRows(sectionOf(readPage('deploy/limits.md'), 'Limits and defaults')))(
  'the default of %s is %s',
  (key, shown) => {
    const path = key!.replace('streams.*.', 'stream.').split('.');
    const real = path.reduce<unknown>((value, part) => (value as Record<string, unknown>)[part], DEFAULTS);
    expect(`\`${real}\``).toBe(shown);
  },
);

test('the simulator has the faults that the page names', () => {
  expect(codeRows(readPage('deploy/simulator.md')).map(([name]) => name)).toEqual(FAULT_NAMES);
});
