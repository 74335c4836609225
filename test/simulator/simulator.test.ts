import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { FaultSpec } from '../../engine/simulator/assignment.ts';
import { FAULT_NAMES } from '../../engine/simulator/faults.ts';
import { createSimulator } from '../../engine/simulator/simulator.ts';
import { collect, FLEET, fingerprint, isReading, parse, START } from './collect.ts';

const seeds = fc.maxSafeNat();
const someFaults = fc
  .subarray([...FAULT_NAMES])
  .map((names): FaultSpec[] => names.map((name) => ({ name, devices: { share: 0.4 } })));

describe('determinism', () => {
  test('the same options give the same bytes', () => {
    fc.assert(
      fc.property(seeds, someFaults, fc.integer({ min: 1, max: 8 }), (seed, faults, devices) => {
        const options = { ...FLEET, seed, faults, devices };
        expect(fingerprint(collect(options, 120))).toBe(fingerprint(collect(options, 120)));
      }),
      { numRuns: 40 },
    );
  });

  test('two seeds give different messages, also if only their high bits differ', () => {
    fc.assert(
      fc.property(seeds, seeds, (one, other) => {
        fc.pre(one !== other);
        expect(fingerprint(collect({ ...FLEET, seed: one }, 10))).not.toBe(
          fingerprint(collect({ ...FLEET, seed: other }, 10)),
        );
      }),
    );
    expect(collect({ ...FLEET, seed: 7 }, 5)).not.toEqual(collect({ ...FLEET, seed: 7 + 2 ** 32 }, 5));
  });

  test('a device does not repeat the values of the previous one', () => {
    const temps = (device: string) =>
      collect(FLEET, 100)
        .filter((message) => message.device === device)
        .map((message) => parse(message).temp);
    expect(temps('dev-0001')).not.toEqual(temps('dev-0002'));
  });
});

describe('independence', () => {
  test('a fault changes no message of other devices, nor the faults listed before it', () => {
    fc.assert(
      fc.property(seeds, fc.constantFrom(...FAULT_NAMES), fc.constantFrom(...FAULT_NAMES), (seed, first, second) => {
        fc.pre(first !== second);
        const before = { ...FLEET, seed, faults: [{ name: first }] };
        const after = { ...FLEET, seed, faults: [{ name: first }, { name: second }] };
        const hit = new Set(createSimulator(after).assignments()[1]?.devices);
        expect(hit.size).toBe(1);
        const others = (options: typeof before) => collect(options, 200).filter(({ device }) => !hit.has(device));
        expect(fingerprint(others(after))).toBe(fingerprint(others(before)));
      }),
      { numRuns: 40 },
    );
  });

  test('a device has two faults only if there are more faults than devices', () => {
    const faults = FAULT_NAMES.map((name) => ({ name }));
    const hit = createSimulator({ ...FLEET, faults })
      .assignments()
      .flatMap(({ devices }) => devices);
    expect(new Set(hit).size).toBe(FAULT_NAMES.length);
  });
});

describe('healthy devices', () => {
  const messages = collect({ ...FLEET, devices: 200, everyMs: 60_000 }, 86_400);
  const readings = messages.map(parse);

  test('stay within plausible bounds for a whole day, and below 45 °C', () => {
    expect(readings.length).toBe(200 * 1440);
    for (const [field, low, high] of [
      ['temp', 20, 42],
      ['humidity', 30, 70],
      ['battery', 0, 100],
    ] as const) {
      const values = readings.map((reading) => reading[field]);
      expect(values.every((value) => value >= low && value <= high)).toBe(true);
    }
  });

  test('change their values; batteries only fall, and some are low', () => {
    const own = readings.filter(({ device_id }) => device_id === 'dev-0007');
    expect(new Set(own.map(({ temp }) => temp)).size).toBeGreaterThan(50);
    expect(own.every(({ battery }, i) => i === 0 || battery <= own[i - 1]!.battery)).toBe(true);
    expect(own.at(-1)!.battery).toBeLessThan(own[0]!.battery);
    const lastRound = readings.slice(-200);
    expect(lastRound.some(({ battery }) => battery < 10)).toBe(true);
    expect(lastRound.some(({ battery }) => battery > 60)).toBe(true);
  });

  test('change little from one reading to the next', () => {
    const own = collect({ ...FLEET, devices: 1 }, 1_000).map((message) => parse(message).temp);
    const steps = own.slice(1).map((temp, i) => Math.abs(temp - own[i]!));
    expect(steps.filter((step) => step > 0.02).length).toBeGreaterThan(100);
    expect(Math.max(...steps)).toBeLessThan(0.5);
  });

  test('report in turn, on their own topic, with the time of sending as timestamp', () => {
    const [first, second] = collect(FLEET, 5);
    expect(first).toMatchObject({ at: START, topic: 'plant/site-a/dev-0001/data', qos: 1, kind: 'reading' });
    expect(first?.payload).toMatch(
      /^{"device_id":"dev-0001","temp":[\d.]+,"humidity":[\d.]+,"battery":[\d.]+,"ts":1700000000000}$/,
    );
    expect(second).toMatchObject({ at: START + 500, topic: 'plant/site-b/dev-0002/data' });
    expect(collect(FLEET, 100)).toHaveLength(10 * 20);
  });
});

describe('counts', () => {
  test('messages are in time order, and the counts match the messages', () => {
    fc.assert(
      fc.property(seeds, someFaults, (seed, faults) => {
        const simulator = createSimulator({ ...FLEET, seed, faults });
        const messages = Array.from({ length: 800 }, () => simulator.next());
        expect(messages.every(({ at }, i) => i === 0 || at >= messages[i - 1]!.at)).toBe(true);
        const data = messages.filter(({ topic }) => topic.endsWith('/data'));
        const valid = data.filter(({ payload }) => isReading(payload));
        expect(simulator.generated()).toMatchObject({
          messages: 800,
          readings: valid.length,
          garbage: data.length - valid.length,
          status: 800 - data.length,
          distinctReadings: new Set(valid.map(({ payload }) => payload)).size,
        });
      }),
      { numRuns: 40 },
    );
  });

  test.each([
    [{ devices: 0 }, 'devices'],
    [{ everyMs: 0.5 }, 'everyMs'],
    [{ seed: -1 }, 'seed'],
    [{ seed: 1.5 }, 'seed'],
    [{ faults: [{ name: 'stuck', devices: { count: 11 } }] }, '11 of 10'],
    [{ faults: [{ name: 'stuck' }, { name: 'stuck' }] }, 'twice'],
    [{ faults: [{ name: 'stuck', timing: { first: [0, 0], lasts: [0, 0], pause: [0, 0] } }] }, 'longer than 0'],
  ] as const)('%j is refused', (wrong, message) => {
    expect(() => createSimulator({ ...FLEET, ...wrong })).toThrow(message);
  });
});
