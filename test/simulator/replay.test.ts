import { describe, expect, test } from 'vitest';
import { createReplay, type SeriesReplayOptions } from '../../engine/simulator/replay.ts';
import type { SimulatedMessage } from '../../engine/simulator/tally.ts';
import { START } from './collect.ts';

const RECORDED = Date.UTC(2013, 11, 2, 21, 15);
const points = [0, 300_000, 600_000].map((afterMs, i) => ({ at: RECORDED + afterMs, value: 73.96732207 + i }));

function all(options: Partial<SeriesReplayOptions>): SimulatedMessage[] {
  const replay = createReplay({ points, startAt: START, speed: 1, ...options });
  const messages: SimulatedMessage[] = [];
  for (let message = replay.next(); message !== undefined; message = replay.next()) messages.push(message);
  expect(replay.next()).toBeUndefined();
  return messages;
}

const stamps = (messages: readonly SimulatedMessage[]) =>
  messages.map(({ payload }) => (JSON.parse(payload as string) as { ts: number }).ts);

test('a series becomes the readings of one device, with the recorded timestamps', () => {
  const [first] = all({});
  expect(first).toEqual({
    at: START,
    topic: 'plant/site-a/machine-1/data',
    payload: `{"device_id":"machine-1","temp":73.96732207,"ts":${RECORDED}}`,
    qos: 1,
    kind: 'reading',
    device: 'machine-1',
    copy: false,
    faults: [],
  });
  expect(stamps(all({ speed: 600 }))).toEqual(points.map(({ at }) => at));
});

describe('pace', () => {
  test.each([
    [1, [0, 300_000, 600_000]],
    [600, [0, 500, 1000]],
    [Number.POSITIVE_INFINITY, [0, 0, 0]],
  ])('speed %d', (speed, due) => {
    expect(all({ speed }).map(({ at }) => at - START)).toEqual(due);
  });

  test('a point with an earlier timestamp is sent at once', () => {
    const messages = all({ points: [points[1]!, points[0]!, points[2]!] });
    expect(messages.map(({ at }) => at - START)).toEqual([0, 0, 300_000]);
    expect(stamps(messages)).toEqual([points[1]!.at, points[0]!.at, points[2]!.at]);
  });
});

test.each([
  ['now', [0, 300_000, 600_000]],
  ['end', [-600_000, -300_000, 0]],
] as const)('shift %s', (shift, expected) => {
  expect(stamps(all({ shift })).map((ts) => ts - START)).toEqual(expected);
});

test('device and field are quoted as JSON strings', () => {
  const [first] = all({ device: 'press "3"', field: 'öl', topic: 'halle/{device}' });
  expect(first?.topic).toBe('halle/press "3"');
  expect(JSON.parse(first?.payload as string)).toMatchObject({ device_id: 'press "3"', öl: 73.96732207 });
});
