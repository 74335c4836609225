import pino from 'pino';
import { expect, it } from 'vitest';
import { compareWithHeap, createCapacityWatch, fullHeapBytes } from '../../engine/runtime/capacity-watch.ts';
import { createCounters } from '../../engine/telemetry.ts';
import { setUp } from '../pipeline/kit.ts';

it('logs the first reading above a limit, then one summary per minute, and reports the full limits in its status', () => {
  const lines: Record<string, unknown>[] = [];
  const log = pino({ base: null }, { write: (line) => void lines.push(JSON.parse(line)) });
  const counters = createCounters();
  let now = 1e12;
  let full: string[] = [];
  const watch = createCapacityWatch({
    counters,
    clock: { now: () => now, steady: () => now },
    log,
    fullLimits: () => full,
  });
  watch.check();
  expect([lines, watch.status()]).toEqual([[], { name: 'rules', ready: true }]);
  full = ['2 devices of sensors (limits.devices)'];
  counters.readings_over_device_limit = 1;
  watch.check();
  expect(lines).toMatchObject([{ level: 40, full, readings_over_device_limit: 1 }]);
  for (let i = 0; i < 59; i++) {
    now += 1_000;
    counters.readings_over_device_limit += 10;
    counters.readings_over_key_limit += 1;
    watch.check();
  }
  expect(lines).toHaveLength(1);
  now += 1_000;
  watch.check();
  expect(lines[1]).toMatchObject({ readings_over_device_limit: 590, readings_over_key_limit: 59 });
  now += 600_000;
  watch.check();
  expect(lines).toHaveLength(2);
  expect(watch.status()).toEqual({
    name: 'rules',
    ready: true,
    reason: 'no room for more: 2 devices of sensors (limits.devices)',
  });
});

it('warns at the start if the limits allow more than the heap has room for', () => {
  const rule = { name: 'hot', stream: 'sensors', conditions: { all: [] }, event: { type: 'x' } };
  const hot = { ...rule, conditions: { all: [{ fact: 'temp', operator: 'greaterThan', value: 1 }] } };
  const stream = { topic: 'a/{site}/{device}', format: 'json', fields: { temp: 'number' } };
  const planOf = (limits: object) => {
    const rules = [hot, { ...hot, name: 'site', per: ['site'] }];
    return setUp(rules, { streams: { sensors: { ...stream, limits } } }).plan;
  };
  expect(fullHeapBytes(planOf({ devices: 1_000, keys: 100 }))).toBe(1_000 * 1_300 + 100 * 1_150);
  const lines: Record<string, unknown>[] = [];
  const log = pino({ base: null }, { write: (line) => void lines.push(JSON.parse(line)) });
  compareWithHeap(planOf({}), 640 * 1024 * 1024, log);
  expect(lines).toEqual([]);
  compareWithHeap(planOf({ devices: 1_000_000 }), 640 * 1024 * 1024, log);
  expect(lines).toMatchObject([{ level: 40, limitsMiB: 1_251, heapMiB: 640 }]);
});
