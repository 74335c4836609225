/** The readings that the publisher sends, by number, so that the expected results can be computed. */

/** Well in the past, so that no clock jump makes a timestamp lie in the future. */
const BASE_AT = Math.floor(Date.now() / 3_600_000 - 3) * 3_600_000;
export const DEVICES = 50;
/** One of this many readings of a device is too hot. */
const HOT_EVERY = 20;
const STEP_MS = 10;
const WINDOW_MS = 5_000;
/** More than the delay of any reading in a scenario. */
const LATENESS_MS = 20_000;

/** The number in readings of unknown devices. */
export const UNKNOWN_NUMBER = -1;

export interface Sent {
  readonly topic: string;
  readonly payload: string;
  /** The number of the reading; undefined for other messages. */
  readonly n?: number;
}

const deviceOf = (n: number) => `d${n % DEVICES}`;
const timeOf = (n: number) => BASE_AT + n * STEP_MS;
const isHot = (n: number) => Math.floor(n / DEVICES) % HOT_EVERY === HOT_EVERY / 2;

/** Whether the changes of alerts are the same without this reading. */
export const isPlain = (n: number) => !isHot(n) && !isHot(n - DEVICES);

export function readingOf(n: number): Sent {
  return sentOf(n, isHot(n) ? 90 : 20);
}

/** A reading that matches no rule. */
export function plainReading(n: number): Sent {
  return sentOf(n, 20);
}

/** A reading of an unknown device, which sends only one, with a later timestamp than all others. */
export function unknownDeviceReading(i: number): Sent {
  const at = BASE_AT + 2 * 3_600_000;
  return { topic: `plant/unknown-${i}/data`, payload: JSON.stringify({ n: UNKNOWN_NUMBER, temp: 20, ts: at + i }) };
}

function sentOf(n: number, temp: number): Sent {
  return { topic: `plant/${deviceOf(n)}/data`, payload: JSON.stringify({ n, temp, ts: timeOf(n) }), n };
}

/** The expected results of readings in the order of sending. */
export interface Outcome {
  /** By device: the changes of its alert, each as `<state> <event time>`. */
  readonly changes: ReadonlyMap<string, readonly string[]>;
  /** Devices whose alert is open at the end. */
  readonly open: ReadonlySet<string>;
  /** One text for each window that must be closed: `<device> <end> <readings> <sum of their numbers>`. */
  readonly windowResults: ReadonlySet<string>;
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
  const windowResults = closed.map(({ device, endAt, count, sum }) => `${device} ${endAt} ${count} ${sum}`);
  return { changes, open, windowResults: new Set(windowResults) };
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
