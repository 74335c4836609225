import { describe, expect, test } from 'vitest';
import type { FaultSpec } from '../../engine/simulator/assignment.ts';
import { FAULT_NAMES, type FaultName } from '../../engine/simulator/faults.ts';
import { changes, createScript, play, setUp } from '../pipeline/kit.ts';
import { type Alert, type Episode, sampleStreams, shippedRules, type Watched, watchFleet } from './fleet.ts';

/** What each rule is there for; the others have no fault in the simulator. */
const CAUSES: Readonly<Record<string, readonly FaultName[]>> = {
  'device-offline': ['silence', 'disconnect'],
  'fast-temperature-rise': ['overheating'],
  overheating: ['overheating'],
  'sensor-stuck': ['stuck'],
  'temperature-limit': ['overheating'],
};
/** Some devices overheat to less than 50 °C, and some by hardly more than 8 °C. */
const LEAST_FOUND: Readonly<Record<string, number>> = { 'fast-temperature-rise': 0.8, 'temperature-limit': 0.7 };
/** As long as a rule may take to notice, and to let go. */
const SLACK_MS = 90_000;
const FLAP_MS = 120_000;

const EVERY_FAULT: readonly FaultSpec[] = FAULT_NAMES.map((name) => ({ name, devices: { share: 0.06 } }));

const fleets: readonly (readonly [string, Watched])[] = [
  ['the demo', watchFleet({ seconds: 1_500, seed: 1 })],
  ['a fleet with every fault', watchFleet({ seconds: 1_500, seed: 2, faults: EVERY_FAULT })],
  ['a fleet that reports every 5 s', watchFleet({ seconds: 3_600, seed: 3, everyMs: 5_000, faults: EVERY_FAULT })],
];

const isDuring = (alert: Alert, episode: Episode) =>
  episode.device === alert.key && alert.at >= episode.from && alert.at <= episode.to + SLACK_MS;

const causeOf = (alert: Alert, { episodes }: Watched) =>
  episodes.findLast((episode) => CAUSES[alert.rule]?.includes(episode.fault) && isDuring(alert, episode));

describe.each(fleets)('in %s', (_name, fleet) => {
  test('each alert has the fault that its rule is for', () => {
    const unexplained = fleet.alerts
      .filter(({ rule }) => rule !== 'battery-low')
      .filter((each) => !causeOf(each, fleet));
    expect(unexplained).toEqual([]);
  });

  test.each(Object.entries(CAUSES))('%s fires when it should', (rule, causes) => {
    // What is too short for the rule, or has just begun, cannot be asked for.
    const due = fleet.episodes.filter(({ fault, from, to }) => causes.includes(fault) && to - from >= 85_000);
    const found = due.filter((one) => fleet.alerts.some((alert) => alert.rule === rule && isDuring(alert, one)));
    expect(due.length).toBeGreaterThan(3);
    expect(found.length / due.length).toBeGreaterThanOrEqual(LEAST_FOUND[rule] ?? 0.95);
  });

  test('no rule fires twice within two minutes for one fault', () => {
    const flaps = fleet.alerts.filter((alert) =>
      fleet.alerts.some(
        (before) =>
          before !== alert &&
          before.rule === alert.rule &&
          before.key === alert.key &&
          before.resolvedAt !== undefined &&
          alert.at >= before.resolvedAt &&
          alert.at - before.resolvedAt < FLAP_MS &&
          causeOf(before, fleet) === causeOf(alert, fleet),
      ),
    );
    expect(flaps).toEqual([]);
  });

  test('a low battery is published once', () => {
    const keys = fleet.alerts.filter(({ rule }) => rule === 'battery-low').map(({ key }) => key);
    expect(keys.length).toBeGreaterThan(0);
    expect(new Set(keys).size).toBe(keys.length);
  });
});

test('a healthy fleet raises nothing but low batteries', () => {
  const { alerts } = watchFleet({ seconds: 900, seed: 5, faults: [] });
  expect(new Set(alerts.map(({ rule }) => rule))).toEqual(new Set(['battery-low']));
});

test('every rule that raises alerts has a fault of the simulator, or a case below', () => {
  const names = shippedRules().map((rule) => (rule as { readonly name: string }).name);
  const below = ['battery-low', 'humidity-out-of-range', 'site-climate', 'site-hot', 'site-warming'];
  expect(names.sort()).toEqual([...Object.keys(CAUSES), ...below].sort());
});

/** Plays one reading per step and device, 5 s apart, under the shipped rules. */
function playSeries(
  rule: string,
  devices: number,
  steps: number,
  at: (step: number, device: number) => Readonly<Record<string, number>>,
): string[] {
  const script = createScript();
  for (let step = 0; step < steps; step++) {
    script.tickUntil(step * 5_000);
    for (let device = 0; device < devices; device++) script.reading(`d${device}`, at(step, device));
  }
  script.tickUntil(steps * 5_000 + 120_000);
  return changes(play(setUp(shippedRules(), { streams: sampleStreams() }), script), rule).map(
    (change) => change.split(' ')[0]!,
  );
}

const fiveMinutes = 60;

describe('humidity-out-of-range', () => {
  const of = (humidity: (step: number) => number) =>
    playSeries('humidity-out-of-range', 1, fiveMinutes, (step) => ({ humidity: humidity(step) }));

  test('reports a range that is left for long, once, and its end', () => {
    expect(of((step) => (step >= 10 && step < 30 ? 80 + (step % 2) : 50))).toEqual(['pending', 'firing', 'resolved']);
    expect(of((step) => (step >= 10 && step < 30 ? 20 : 50))).toEqual(['pending', 'firing', 'resolved']);
  });

  test('does not flap at its limit', () => {
    const flips = of((step) => (step < 10 ? 76 : 74 + 2 * (step % 2)));
    expect(flips.filter((state) => state === 'firing')).toHaveLength(1);
    expect(flips).not.toContain('resolved');
  });

  test('lets an outlier pass', () => {
    expect(of((step) => (step === 20 ? 99 : 50))).not.toContain('firing');
  });
});

describe('site-hot', () => {
  const of = (devices: number, temp: (step: number, device: number) => number) =>
    playSeries('site-hot', devices, fiveMinutes, (step, device) => ({ temp: temp(step, device) }));

  test('reports a site most of whose devices are hot, once, and its end', () => {
    const states = of(6, (step, device) => (step < 40 && device < 4 ? 39 : 30));
    expect(states.filter((state) => state !== 'pending')).toEqual(['firing', 'resolved']);
  });

  test('lets a few burning devices be', () => {
    expect(of(6, (_, device) => (device < 2 ? 90 : 30))).toEqual([]);
  });

  test('says nothing of a site of few devices', () => {
    expect(of(4, () => 60)).toEqual([]);
  });
});

describe('site-warming', () => {
  const of = (temp: (step: number, device: number) => number) =>
    playSeries('site-warming', 6, 360, (step, device) => ({ temp: temp(step, device) }));

  test('reports a site that warms up, once', () => {
    const states = of((step) => (step < 120 ? 25 : 30));
    expect(states.filter((state) => state === 'firing')).toHaveLength(1);
  });

  test('lets a few burning devices be', () => {
    expect(of((step, device) => (step >= 120 && device < 2 ? 90 : 25))).toEqual([]);
  });
});
