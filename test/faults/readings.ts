/** What the publisher of a scenario sends, by number: so everybody can tell what must come of it. */

/** Well in the past, so that no clock that jumps makes a stamp lie ahead. */
const BASE_AT = Math.floor(Date.now() / 3_600_000 - 3) * 3_600_000;
export const DEVICES = 50;
/** Every so many readings of a device one is too hot. */
const HOT_EVERY = 20;
const STEP_MS = 10;
const WINDOW_MS = 5_000;
/** More than a scenario lets a reading be late. */
const LATENESS_MS = 20_000;

/** In place of a number, what the readings of strangers have. */
export const STRANGE = -1;

export interface Sent {
  readonly topic: string;
  readonly payload: string;
  /** Number of the reading; undefined for what is none. */
  readonly n?: number;
}

const deviceOf = (n: number) => `d${n % DEVICES}`;
const timeOf = (n: number) => BASE_AT + n * STEP_MS;
const isHot = (n: number) => Math.floor(n / DEVICES) % HOT_EVERY === HOT_EVERY / 2;

/** Without it, every alert changes as it did. */
export const isPlain = (n: number) => !isHot(n) && !isHot(n - DEVICES);

export function readingOf(n: number): Sent {
  return sentOf(n, isHot(n) ? 90 : 20);
}

/** One that no rule has anything to say of. */
export function plainReading(n: number): Sent {
  return sentOf(n, 20);
}

/** One of a device that comes once and that nobody knows, stamped later than all others. */
export function strangeReading(i: number): Sent {
  const at = BASE_AT + 2 * 3_600_000;
  return { topic: `plant/stranger-${i}/data`, payload: JSON.stringify({ n: STRANGE, temp: 20, ts: at + i }) };
}

function sentOf(n: number, temp: number): Sent {
  return { topic: `plant/${deviceOf(n)}/data`, payload: JSON.stringify({ n, temp, ts: timeOf(n) }), n };
}

/** What must come of readings, in the order in which they went out. */
export interface Outcome {
  /** By device: its changes, each as `<state> <event time>`. */
  readonly changes: ReadonlyMap<string, readonly string[]>;
  /** Devices whose alert is open in the end. */
  readonly open: ReadonlySet<string>;
  /** Of each window that must have closed, `<device> <end> <readings> <sum of their numbers>`. */
  readonly tallies: ReadonlySet<string>;
}

export function outcomeOf(sent: readonly number[]): Outcome {
  const changes = new Map<string, string[]>();
  const open = new Set<string>();
  const windows = new Map<string, { device: string; endAt: number; count: number; sum: number }>();
  const latest = new Map<string, number>();
  for (const n of sent) {
    const [device, at] = [deviceOf(n), timeOf(n)];
    const isOlder = at < (latest.get(device) ?? 0);
    if (!isOlder && isHot(n) !== open.has(device)) {
      const state = isHot(n) ? 'firing' : 'resolved';
      changes.set(device, [...(changes.get(device) ?? []), `${state} ${new Date(at).toISOString()}`]);
      if (isHot(n)) open.add(device);
      else open.delete(device);
    }
    const endAt = Math.floor(at / WINDOW_MS + 1) * WINDOW_MS;
    const window = windows.get(`${device} ${endAt}`) ?? { device, endAt, count: 0, sum: 0 };
    windows.set(`${device} ${endAt}`, { ...window, count: window.count + 1, sum: window.sum + n });
    latest.set(device, Math.max(at, latest.get(device) ?? 0));
  }
  const closedAt = Math.min(...latest.values()) - LATENESS_MS;
  const closed = [...windows.values()].filter(({ endAt }) => endAt <= closedAt);
  const tallies = closed.map(({ device, endAt, count, sum }) => `${device} ${endAt} ${count} ${sum}`);
  return { changes, open, tallies: new Set(tallies) };
}

export const STREAM = {
  topic: 'plant/{device}/data',
  format: 'json',
  time: { path: 'ts', unit: 'ms' },
  fields: { temp: 'number', n: 'number' },
};

export const RULES = [
  {
    name: 'hot',
    stream: 'sensors',
    conditions: { all: [{ fact: 'temp', operator: 'greaterThan', value: 80 }] },
    event: { type: 'hot' },
  },
  {
    name: 'tally',
    stream: 'sensors',
    window: { tumbling: `${WINDOW_MS}ms`, lateness: `${LATENESS_MS}ms` },
    facts: { readings: { count: true }, total: { sum: 'n' } },
  },
];
