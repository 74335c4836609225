import { describe, expect, test } from 'vitest';
import type { FaultSpec } from '../../engine/simulator/assignment.ts';
import { FAULT_NAMES, type FaultName, faults, type Timing } from '../../engine/simulator/faults.ts';
import { createSimulator } from '../../engine/simulator/simulator.ts';
import type { SimulatedMessage } from '../../engine/simulator/tally.ts';
import { collect, FLEET, isReading, parse, START } from './collect.ts';

// The episodes are [100 s, 400 s) and [500 s, 800 s), so that a test knows when they are.
const TIMING: Timing = { first: [100, 100], lasts: [300, 300], pause: [100, 100] };
const DEVICES = 12;

interface Case {
  /** Messages of one device without the fault, and with it. */
  readonly healthy: readonly SimulatedMessage[];
  readonly faulty: readonly SimulatedMessage[];
  /** The messages of the first episode, and those of the pause after it. */
  readonly episode: readonly SimulatedMessage[];
  readonly pause: readonly SimulatedMessage[];
}

function casesOf(name: FaultName): Case[] {
  const spec: FaultSpec = { name, devices: { share: 1 }, timing: TIMING };
  const options = { ...FLEET, devices: DEVICES };
  const healthy = collect(options, 800);
  const faulty = collect({ ...options, faults: [spec] }, 800);
  return createSimulator({ ...options, faults: [spec] })
    .assignments()[0]!
    .devices.map((device) => {
      const own = faulty.filter((message) => message.device === device);
      const between = (from: number, to: number) =>
        own.filter(({ at }) => at >= START + from * 1000 && at < START + to * 1000);
      return {
        healthy: healthy.filter((message) => message.device === device),
        faulty: own,
        episode: between(100, 400),
        pause: between(420, 500),
      };
    });
}

const temps = (messages: readonly SimulatedMessage[]) => messages.map((message) => parse(message).temp);
const skews = (messages: readonly SimulatedMessage[]) =>
  messages.map((message) => parse(message).ts - Math.floor(message.at));
const healthyTemps = ({ healthy }: Case) =>
  temps(healthy.filter(({ at }) => at >= START + 100_000 && at < START + 400_000));
const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;

/** The required effect of each fault on every device that has it. */
const checks = {
  overheating({ episode, pause }) {
    const middle = temps(episode.slice(10, -10));
    expect(Math.min(...middle)).toBeGreaterThanOrEqual(48);
    expect(Math.max(...middle)).toBeLessThanOrEqual(60);
    expect(temps(episode)[0]).toBeLessThan(42);
    expect(Math.max(...temps(pause))).toBeLessThan(42);
  },
  drift(one) {
    const away = temps(one.episode).map((temp, i) => Math.abs(temp - healthyTemps(one)[i]!));
    expect(away[0]).toBeLessThan(0.2);
    expect(away.at(-1)).toBeGreaterThan(4.5);
    expect(away.every((value, i) => i === 0 || value > away[i - 1]! - 0.02)).toBe(true);
    expect(Math.max(...temps(one.episode))).toBeLessThan(45);
  },
  spikes(one) {
    const jumps = temps(one.episode).map((temp, i) => Math.abs(temp - healthyTemps(one)[i]!));
    const high = jumps.filter((jump) => jump > 24.9);
    expect(high.length).toBeGreaterThan(2);
    expect(high.length).toBeLessThan(30);
    expect(jumps.every((jump) => jump === 0 || (jump > 24.9 && jump < 40.1))).toBe(true);
  },
  stuck({ episode, healthy }) {
    expect(new Set(temps(episode)).size).toBe(1);
    expect(temps(healthy)).toContain(temps(episode)[0]);
    expect(new Set(episode.map((message) => parse(message).humidity)).size).toBeGreaterThan(5);
  },
  'clock-skew'({ episode, pause }) {
    const [skew] = skews(episode);
    expect(Math.abs(skew!)).toBeGreaterThanOrEqual(119_999);
    expect(Math.abs(skew!)).toBeLessThanOrEqual(600_001);
    expect(Math.max(...skews(episode)) - Math.min(...skews(episode))).toBeLessThanOrEqual(1);
    expect(skews(pause).every((value) => value === 0)).toBe(true);
  },
  silence({ episode, pause }) {
    expect(episode).toEqual([]);
    expect(pause.length).toBe(16);
  },
  disconnect({ episode, faulty, pause }) {
    expect(episode.map(({ topic, payload }) => [topic.split('/').at(-1), payload])).toEqual([['status', 'offline']]);
    const back = faulty.findIndex(({ payload }) => payload === 'online');
    expect(faulty[back]).toMatchObject({ kind: 'status', topic: episode[0]!.topic });
    expect(faulty[back + 1]).toMatchObject({ kind: 'reading', at: faulty[back]!.at });
    expect(pause.length).toBe(16);
  },
  duplicates({ episode, faulty, pause }) {
    const copies = episode.filter(({ copy }) => copy);
    expect(copies.length).toBeGreaterThan(15);
    for (const copy of copies) {
      const original = faulty.find(({ payload, copy: isCopy }) => !isCopy && payload === copy.payload);
      expect(original).toMatchObject({ topic: copy.topic, payload: copy.payload });
      expect(original!.at).toBeLessThanOrEqual(copy.at);
    }
    expect(new Set(pause.map(({ payload }) => payload)).size).toBe(pause.length);
  },
  reordering({ episode, pause, healthy, faulty }) {
    const descents = (messages: readonly SimulatedMessage[]) =>
      messages.filter((message, i) => i > 0 && parse(message).ts < parse(messages[i - 1]!).ts).length;
    expect(descents(episode)).toBeGreaterThan(8);
    expect(descents(pause)).toBe(0);
    const known = new Set(healthy.map(({ payload }) => payload));
    expect(faulty.every(({ payload }) => known.has(payload))).toBe(true);
  },
  garbage({ episode, pause }) {
    const bad = episode.filter(({ payload }) => !isReading(payload));
    expect(bad.length).toBeGreaterThan(15);
    expect(bad.every(({ kind }) => kind === 'garbage')).toBe(true);
    expect(episode.filter(({ kind }) => kind === 'garbage').length).toBe(bad.length);
    expect(pause.every(({ payload }) => isReading(payload))).toBe(true);
  },
} satisfies Record<FaultName, (one: Case) => void> as Record<FaultName, (one: Case) => void>;

describe.each(FAULT_NAMES)('%s', (name) => {
  const cases = casesOf(name);

  test(`has the described effect: ${faults[name].summary}`, () => {
    expect(cases).toHaveLength(DEVICES);
    for (const one of cases) checks[name](one);
  });

  test('changes nothing before the first episode, and starts again after the pause', () => {
    for (const { faulty, healthy } of cases) {
      const early = (messages: readonly SimulatedMessage[]) => messages.filter(({ at }) => at < START + 100_000);
      expect(early(faulty)).toEqual(early(healthy));
    }
    const again = cases.flatMap(({ faulty }) => faulty.filter(({ at }) => at >= START + 500_000));
    const changed = again.filter(({ faults: touched }) => touched.includes(name)).length;
    expect(name === 'silence' ? DEVICES * 60 - again.length : changed).toBeGreaterThan(0);
  });
});

test('clock skew is positive and negative, and spikes go up and down', () => {
  const ahead = casesOf('clock-skew').map(({ episode }) => skews(episode)[0]! > 0);
  expect(new Set(ahead).size).toBe(2);
  const spiky = casesOf('spikes').flatMap((one) => temps(one.episode).map((temp, i) => temp - healthyTemps(one)[i]!));
  expect(Math.min(...spiky)).toBeLessThan(-24);
  expect(Math.max(...spiky)).toBeGreaterThan(24);
});

test('garbage has every form', () => {
  const bad = casesOf('garbage').flatMap(({ faulty }) => faulty.filter(({ kind }) => kind === 'garbage'));
  const forms = new Set(
    bad.map(({ payload }) =>
      typeof payload !== 'string' ? 'binary' : payload.includes('"n/a"') ? 'type' : payload[0],
    ),
  );
  expect(forms).toEqual(new Set(['binary', 'type', 'E', '{', '[']));
});

test('withheld messages are counted', () => {
  const simulator = createSimulator({ ...FLEET, faults: [{ name: 'silence', devices: { count: 2 }, timing: TIMING }] });
  while (simulator.next().at < START + 450_000);
  expect(simulator.generated()).toMatchObject({ withheld: 120, withheldByFault: { silence: 120 } });
});

test('the mean of a healthy fleet never looks overheated, and that of a faulty one does', () => {
  const overheating = casesOf('overheating').map(({ episode }) => mean(temps(episode.slice(12, 18))));
  expect(Math.min(...overheating)).toBeGreaterThan(45);
  const others = FAULT_NAMES.filter((name) => name !== 'overheating' && name !== 'spikes' && name !== 'garbage');
  for (const name of others) {
    const readings = casesOf(name).flatMap(({ faulty }) => faulty.filter(({ kind }) => kind === 'reading'));
    expect(Math.max(...temps(readings))).toBeLessThan(45);
  }
});

test('drift goes towards the middle of the range, for every device', () => {
  const spec: FaultSpec = { name: 'drift', devices: { share: 1 }, timing: TIMING };
  const drifting = temps(collect({ ...FLEET, devices: 200, faults: [spec] }, 400));
  expect(Math.max(...drifting)).toBeLessThan(45);
  expect(Math.min(...drifting)).toBeGreaterThan(19);
});

test('schedules are stretched with the interval of readings, so that an episode covers several readings', () => {
  const slow = { ...FLEET, devices: 1, everyMs: 60_000, faults: [{ name: 'stuck' } as const] };
  const hits = collect(slow, 7_200).map(({ faults: names }) => names.includes('stuck'));
  const first = hits.indexOf(true);
  expect(first).toBeGreaterThan(0);
  expect(hits.indexOf(false, first) - first).toBeGreaterThanOrEqual(11);
});
