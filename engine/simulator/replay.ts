import { fillTopic } from './device.ts';
import type { Point } from './series.ts';
import { DEFAULT_TOPIC } from './simulator.ts';
import type { SimulatedMessage } from './tally.ts';

export interface SeriesReplayOptions {
  /** At least one point, in the order of sending. */
  readonly points: readonly Point[];
  /** The device id of the messages. Default `machine-1`. */
  readonly device?: string;
  /** The field with the value. Default `temp`. */
  readonly field?: string;
  /** The topic template. Default `plant/{site}/{device}/data`; the site is `site-a`. */
  readonly topic?: string;
  readonly qos?: 0 | 1 | 2;
  /** When to send the first message, milliseconds since the epoch. */
  readonly startAt: number;
  /** Factor by which it is faster than recorded. With Infinity, every message is due at once. */
  readonly speed: number;
  /**
   * `keep` (default) keeps the recorded timestamps. `now` and `end` shift all of them by the same time, so that the first or the last is
   * `startAt`. `now` with a speed above 1 gives timestamps ahead of the clock.
   */
  readonly shift?: 'keep' | 'now' | 'end';
}

/** The messages of a recorded series, in the order of the file. `next` returns undefined after the last one. */
export interface Replay {
  next(): SimulatedMessage | undefined;
}

/** Creates a replay of a series as one device. A point with an earlier timestamp than the one before it is sent right after it. */
export function createReplay(options: SeriesReplayOptions): Replay {
  const { points, startAt, speed, device = 'machine-1', field = 'temp', qos = 1 } = options;
  const topic = fillTopic(options.topic ?? DEFAULT_TOPIC, 'site-a', device);
  const shiftMs = shiftOf(options);
  const firstAt = points[0]?.at ?? 0;
  const payloadStart = `{"device_id":${JSON.stringify(device)},${JSON.stringify(field)}:`;
  let position = 0;
  let lastAt = startAt;
  return {
    next() {
      const point = points[position];
      if (point === undefined) return undefined;
      position += 1;
      lastAt = Math.max(lastAt, startAt + (point.at - firstAt) / speed);
      const payload = `${payloadStart}${point.value},"ts":${Math.round(point.at + shiftMs)}}`;
      return { at: lastAt, topic, payload, qos, kind: 'reading', device, copy: false, faults: [] };
    },
  };
}

function shiftOf({ points, startAt, shift = 'keep' }: SeriesReplayOptions): number {
  const anchor = shift === 'end' ? points.at(-1) : points[0];
  return shift === 'keep' || anchor === undefined ? 0 : startAt - anchor.at;
}
