/** What the publisher of a scenario sends, by number: so everybody can tell what must come of it. */

/** Well in the past, so that no clock that jumps makes a stamp lie ahead. */
const BASE_AT = Math.floor(Date.now() / 3_600_000 - 3) * 3_600_000;
export const DEVICES = 50;
/** Every so many readings of a device one is too hot. */
const HOT_EVERY = 20;
const STEP_MS = 10;

export interface Sent {
  readonly topic: string;
  readonly payload: string;
}

const deviceOf = (n: number) => `d${n % DEVICES}`;
const timeOf = (n: number) => BASE_AT + n * STEP_MS;
const isHot = (n: number) => Math.floor(n / DEVICES) % HOT_EVERY === HOT_EVERY / 2;

export function readingOf(n: number): Sent {
  const payload = JSON.stringify({ n, temp: isHot(n) ? 90 : 20, ts: timeOf(n) });
  return { topic: `plant/${deviceOf(n)}/data`, payload };
}

/** The changes of alerts that the first `count` readings cause, each once: `<device> <state> <event time>`. */
export function expectedChanges(count: number): Set<string> {
  const changes = new Set<string>();
  for (let n = 0; n < count; n++) {
    const at = new Date(timeOf(n)).toISOString();
    const wasHot = n >= DEVICES && isHot(n - DEVICES);
    if (isHot(n) && !wasHot) changes.add(`${deviceOf(n)} firing ${at}`);
    if (!isHot(n) && wasHot) changes.add(`${deviceOf(n)} resolved ${at}`);
  }
  return changes;
}

export const STREAM = {
  topic: 'plant/{device}/data',
  format: 'json',
  time: { path: 'ts', unit: 'ms' },
  fields: { temp: 'number', n: 'number' },
};

export const RULE = {
  name: 'hot',
  stream: 'sensors',
  conditions: { all: [{ fact: 'temp', operator: 'greaterThan', value: 80 }] },
  event: { type: 'hot' },
};
