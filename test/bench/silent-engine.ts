// The built engine, whose devices all fall silent at once: `silent-engine.ts CONFIG DEVICES`. Its clock and its source are controlled from here;
// nothing inside of the engine is changed. It sends what this took to its parent.
import { setTimeout as delay } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import type { Edges } from '../../engine/commands/edges.ts';
import type { Clock, EventSink, Inbound, Source, SourceHandler } from '../../engine/ports.ts';
import { CLI, MIB } from './bench.ts';

/** What the engine's process used while the alerts of all devices were published. */
export interface SilenceCost {
  /** Each device has two: it is offline, and the rule's alert fires. */
  readonly events: number;
  /** From the first alert that was sent until all events were confirmed. */
  readonly ms: number;
  readonly cpuMs: number;
  /** The highest resident memory; before: until all devices were known. */
  readonly rssMib: number;
  readonly rssBeforeMib: number;
  /** Messages of another device that were acknowledged meanwhile, and the longest wait for an acknowledgement. */
  readonly acknowledged: number;
  readonly longestAckMs: number;
}

const [file = '', count = '0'] = process.argv.slice(2);
const DEVICES = Number(count);
/** Messages of one socket read. */
const GROUP = 500;
/** The rule waits 10 s; live time counts at most 5 s between two records. */
const LEAPS_MS = [4_000, 4_000, 4_000];
const LEAP_EVERY_MS = 1_500;
const LIVE_EVERY_MS = 10;

/** The clock does not advance while the devices report, so that all are due in the same tick. */
function createClock(): Clock & { begin(): void; leap(ms: number): void } {
  const startedAt = Date.now();
  let beganAt: number | undefined;
  let leaptMs = 0;
  const elapsed = () => leaptMs + (beganAt === undefined ? 0 : performance.now() - beganAt);
  return {
    now: () => startedAt + elapsed(),
    steady: elapsed,
    begin() {
      beganAt = performance.now();
    },
    leap(ms) {
      leaptMs += ms;
    },
  };
}

const clock = createClock();
let handler: SourceHandler | undefined;
const source: Source = {
  start: (given) => {
    handler = given;
  },
  stop: async () => undefined,
  status: () => ({ name: 'source', ready: true }),
};
const EVENTS = 2 * DEVICES;
const silence = { firstAt: 0, confirmed: 0, lastAt: 0 };
let online = 0;

function counted(sink: EventSink): EventSink {
  return {
    ...sink,
    async publish(event) {
      const isOnline = event.subject.startsWith('weir.devices.online.');
      if (!isOnline) silence.firstAt ||= performance.now();
      await sink.publish(event);
      if (isOnline) online += 1;
      else if (++silence.confirmed === EVENTS) silence.lastAt = performance.now();
    },
  };
}

const messageOf = (device: string): Inbound => ({
  topic: `plant/north/${device}/data`,
  payload: Buffer.from(JSON.stringify({ device_id: device, ts: Math.floor(clock.now()), temp: 20 })),
  qos: 1,
  retain: false,
  dup: false,
  packetId: 1,
});

const send = (messages: readonly Inbound[]) =>
  new Promise<void>((resolve) => handler?.messages(0, messages, () => resolve()));

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await delay(LIVE_EVERY_MS);
}

async function measure(): Promise<SilenceCost> {
  await until(() => handler !== undefined);
  handler?.mark(0, 'connected');
  const names = Array.from({ length: DEVICES }, (_, i) => `dev-${String(i).padStart(6, '0')}`);
  for (let i = 0; i < DEVICES; i += GROUP) await send(names.slice(i, i + GROUP).map(messageOf));
  await send([messageOf('live')]);
  // Each device came online.
  await until(() => online > DEVICES);
  const rssBefore = process.memoryUsage.rss();
  let rss = 0;
  const live = { acknowledged: 0, longestAckMs: 0 };
  const watch = setInterval(() => {
    rss = Math.max(rss, process.memoryUsage.rss());
    const sentAt = performance.now();
    void send([messageOf('live')]).then(() => {
      if (silence.firstAt === 0 || silence.lastAt > 0) return;
      live.acknowledged += 1;
      live.longestAckMs = Math.max(live.longestAckMs, performance.now() - sentAt);
    });
  }, LIVE_EVERY_MS);
  clock.begin();
  let before = process.cpuUsage();
  for (const leap of LEAPS_MS) {
    await delay(LEAP_EVERY_MS);
    if (silence.firstAt > 0) break;
    before = process.cpuUsage();
    clock.leap(leap);
  }
  await until(() => silence.lastAt > 0);
  const { user, system } = process.cpuUsage(before);
  clearInterval(watch);
  return {
    events: EVENTS,
    ms: silence.lastAt - silence.firstAt,
    cpuMs: (user + system) / 1_000,
    rssMib: Math.round(rss / MIB),
    rssBeforeMib: Math.round(rssBefore / MIB),
    ...live,
  };
}

const built = <M>(path: string) =>
  import(pathToFileURL(CLI.replace(/cli\.js$/, `commands/${path}`)).href) as Promise<M>;
const { realEdges } = await built<typeof import('../../engine/commands/edges.ts')>('edges.js');
const { loadConfig } = await built<typeof import('../../engine/commands/load.ts')>('load.js');
const { runEngine } = await built<typeof import('../../engine/commands/run-engine.ts')>('run-engine.js');

const edges: Edges = {
  ...realEdges,
  clock,
  connect: (options) => {
    const { eventSink, ...rest } = realEdges.connect(options);
    return { ...rest, createSource: () => source, eventSink: counted(eventSink) };
  },
};
const abort = new AbortController();
process.on('disconnect', () => process.exit());
const { stdout, stderr, env } = process;
const ended = runEngine(loadConfig(file), { stdout, stderr, env, signal: abort.signal }, edges);
process.send?.(await measure());
abort.abort();
process.exit(await ended);
