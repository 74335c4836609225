import { appendFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Expectation } from './oracle.ts';
import { readingOf, type Sent } from './readings.ts';
import { type Change, DEATHS } from './variants.ts';
import type { World } from './world.ts';

/** One way in which things go wrong. */
export interface Scenario {
  readonly name: string;
  /** Part of the short run. */
  readonly short?: boolean;
  /** How often the full run repeats it; default once. */
  readonly runs?: number;
  /** Readings of the short and of the full run; default 4,000 and 30,000. */
  readonly count?: { readonly short: number; readonly full: number };
  /** Default 2,000. */
  readonly perSecond?: number;
  /** Changes to the first engine; those after it have none. */
  readonly first?: readonly Change[];
  /** Changes to every engine. */
  readonly always?: readonly Change[];
  readonly config?: object;
  /** ClickHouse may merge: too many parts else. */
  readonly merges?: boolean;
  /** What goes out in place of a reading. */
  readonly publish?: (n: number, random: () => number) => readonly Sent[];
  readonly expect?: Partial<Omit<Expectation, 'count'>>;
  /** What happens while readings come; returns when times are good again. */
  readonly disturb?: (world: World, run: Run) => Promise<void>;
  /** Whether the fault took place at all: without it the run proves nothing. */
  readonly happened?: (world: World) => boolean;
}

export interface Run {
  readonly random: () => number;
  /** How much longer things take in the full run. */
  readonly scale: number;
}

const deaths = Object.entries(DEATHS).map(
  ([name, change]): Scenario => ({
    name: `dies: ${name}`,
    short: ['before-write', 'after-sync', 'insert-answered', 'publish-sent', 'checkpoint-between'].includes(name),
    first: [change],
    happened: (world) => world.ends >= 1,
  }),
);

/** The link is in bad weather for some seconds, and good again. */
const spell =
  (link: keyof World['links'], weather: Parameters<World['links']['mqtt']['set']>[0], seconds: number) =>
  async ({ links }: World, { scale }: Run) => {
    await delay(300);
    links[link].set(weather);
    await delay(seconds * 1_000 * scale);
    links[link].set({});
    links[link].cut();
  };

const newestSegment = (folder: string) => {
  const name = readdirSync(join(folder, 'data'))
    .filter((each) => each.endsWith('.wal'))
    .sort()
    .at(-1);
  return join(folder, 'data', String(name));
};

/** The first engine meets an error of the disk, once. */
const diskError: Change = {
  file: 'engine/journal/journal.js',
  find: 'await this.#file.datasync();',
  replace:
    "if ((globalThis.passed = (globalThis.passed ?? 0) + 1) === 40) throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' }); await this.#file.datasync();",
};

/** An hour ahead for a while, and then an hour behind. */
const jumpingClock: Change = {
  file: 'engine/commands/run.js',
  find: 'now: () => Date.now()',
  replace:
    'now: () => Date.now() + (process.uptime() < 2 ? 0 : process.uptime() < 3 ? 3_600_000 : process.uptime() < 4 ? -3_600_000 : 0)',
};

const REFUSED = 2_777;

export const SCENARIOS: readonly Scenario[] = [
  { name: 'calm', short: true },
  ...deaths,
  {
    name: 'killed at random',
    short: true,
    count: { short: 6_000, full: 60_000 },
    disturb: async (world, { random, scale }) => {
      for (let i = 0; i < (scale > 1 ? 20 : 3); i++) {
        await delay(100 + random() * 900);
        await world.restart();
      }
    },
  },
  {
    name: 'broker restarts',
    short: true,
    // What the broker had not acknowledged to the publisher comes from it again, as new messages.
    expect: { repeats: true },
    disturb: async ({ broker }) => {
      await delay(500);
      await broker.restart();
    },
  },
  { name: 'broker link cut', short: true, disturb: spell('mqtt', { down: true }, 2) },
  { name: 'broker link silent', disturb: spell('mqtt', { silent: true }, 4) },
  { name: 'ClickHouse away', short: true, disturb: spell('clickhouse', { down: true }, 3) },
  {
    name: 'killed without ClickHouse',
    short: true,
    disturb: async (world) => {
      await delay(300);
      world.links.clickhouse.set({ down: true });
      await delay(2_500);
      await world.restart();
      world.links.clickhouse.set({});
    },
  },
  { name: 'ClickHouse slow', disturb: spell('clickhouse', { answersLateMs: 5_000 }, 4) },
  {
    name: 'ClickHouse answers garbage',
    disturb: spell('clickhouse', { garbage: 'HTTP/1.1 299 Odd\r\ncontent-length: 3\r\n\r\nodd' }, 2),
  },
  {
    name: 'answer lost after the commit',
    short: true,
    disturb: spell('clickhouse', { loseAnswersTo: 'POST ' }, 2),
    happened: ({ links }) => links.clickhouse.lost > 0,
  },
  {
    name: 'one row refused',
    short: true,
    expect: { refused: [REFUSED] },
    disturb: async ({ clickhouse, database }) => {
      await clickhouse.command({ query: `ALTER TABLE ${database}.sensors ADD CONSTRAINT hate CHECK n != ${REFUSED}` });
    },
  },
  {
    name: 'NATS away',
    short: true,
    disturb: async (world, { scale }) => {
      await delay(300);
      await world.stopNats();
      await delay(1_500 * scale);
      await world.startNats();
    },
  },
  { name: 'NATS link cut', disturb: spell('nats', { down: true }, 3) },
  {
    name: 'everything cut off',
    disturb: async ({ links }, { scale }) => {
      await delay(300);
      for (const link of Object.values(links)) link.set({ down: true });
      await delay(3_000 * scale);
      for (const link of Object.values(links)) link.set({});
    },
  },
  { name: 'links are slow', disturb: spell('mqtt', { bytesPerSecond: 50_000 }, 3) },
  {
    name: 'disk error',
    short: true,
    first: [diskError],
    happened: (world) => world.ends >= 1,
  },
  {
    name: 'torn journal',
    short: true,
    disturb: async (world) => {
      await delay(1_000);
      await world.engine().kill();
      appendFileSync(newestSegment(world.folder), Buffer.from([200, 0, 0, 0, 1, 2, 3]));
      await delay(500);
    },
    happened: (world) => world.ends >= 1,
  },
  { name: 'clock jumps', always: [jumpingClock], count: { short: 12_000, full: 30_000 } },
  {
    name: 'a tenth sent twice',
    short: true,
    publish: (n, random) => (random() < 0.1 ? [readingOf(n), readingOf(n)] : [readingOf(n)]),
    expect: { repeats: true, disorder: true },
  },
  {
    name: 'a fifth out of order',
    publish: (n) => (n % 10 === 0 ? [readingOf(n + 1), readingOf(n)] : n % 10 === 1 ? [] : [readingOf(n)]),
    expect: { disorder: true },
  },
  {
    name: 'garbage among good',
    short: true,
    publish: (n) => [readingOf(n), ...(n % 50 === 0 ? [{ topic: 'plant/d0/data', payload: '{"n":' }] : [])],
  },
  { name: 'flood', count: { short: 20_000, full: 600_000 }, perSecond: 1_000_000, merges: true },
];
