import { fillTopic } from './device.ts';
import type { Point } from './series.ts';
import { DEFAULT_TOPIC } from './simulator.ts';
import type { PublishedCounts } from './tally.ts';

export interface SeriesReplayOptions {
  /** At least one, in the order in which they are sent. */
  readonly points: readonly Point[];
  /** Id of the device that the series becomes. Default `machine-1`. */
  readonly device?: string;
  /** Field that takes the value. Default `temp`. */
  readonly field?: string;
  /** Default `plant/{site}/{device}/data`; the site is `site-a`. */
  readonly topic?: string;
  readonly qos?: 0 | 1 | 2;
  /** When to send the first message, milliseconds since the epoch. */
  readonly startAt: number;
  /** How many times faster than recorded; Infinity: every message is due at once. */
  readonly speed: number;
  /**
   * Keep the recorded stamps; or move them all by the same time so that the first (`now`) or the last (`end`) stands at `startAt`,
   * with their distances as recorded. `now` with a speed above 1 gives stamps that run ahead of the clock. Default `keep`.
   */
  readonly shift?: 'keep' | 'now' | 'end';
}

/** A recorded series as the messages of one live device, in the order of the file; undefined after the last. */
export interface Replay {
  next(): PublishedCounts | undefined;
}

/** Makes the messages of a series. A stamp earlier than the one before it is sent right behind it. */
export function createReplay(options: SeriesReplayOptions): Replay {
  const { points, startAt, speed, device = 'machine-1', field = 'temp', qos = 1 } = options;
  const topic = fillTopic(options.topic ?? DEFAULT_TOPIC, 'site-a', device);
  const shiftMs = shiftOf(options);
  const firstAt = points[0]?.at ?? 0;
  const opening = `{"device_id":${JSON.stringify(device)},${JSON.stringify(field)}:`;
  let position = 0;
  let lastAt = startAt;
  return {
    next() {
      const point = points[position];
      if (point === undefined) return undefined;
      position += 1;
      lastAt = Math.max(lastAt, startAt + (point.at - firstAt) / speed);
      const payload = `${opening}${point.value},"ts":${Math.round(point.at + shiftMs)}}`;
      return { at: lastAt, topic, payload, qos, kind: 'reading', device, copy: false, faults: [] };
    },
  };
}

function shiftOf({ points, startAt, shift = 'keep' }: SeriesReplayOptions): number {
  const anchor = shift === 'end' ? points.at(-1) : points[0];
  return shift === 'keep' || anchor === undefined ? 0 : startAt - anchor.at;
}
