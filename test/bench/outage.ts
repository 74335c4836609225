import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type EmbeddedClickHouse, startClickHouse } from '../../connectors/embedded/clickhouse.ts';
import { type Publisher, startPublisher } from '../faults/publisher.ts';
import { plainReading } from '../faults/readings.ts';
import { createWorld, type World } from '../faults/world.ts';
import { type BenchCase, CLI, MIB } from './bench.ts';

const PER_SECOND = 2_000;
const WARM_UP_S = 60;
const OUTAGE_S = 600;
/** Readings that make 100 MB of journal. */
const RECOVERED = 1_100_000;
const FLOOD = 1_000_000;
const DEADLINE_MS = 10 * 60_000;
const POLL_MS = 250;
const above = (fact: string) => ({ all: [{ fact, operator: 'greaterThan', value: 80 }] });
/** One that looks at each reading, and one with windows. Neither has anything to say of what is sent. */
const RULES = [
  { name: 'hot', conditions: above('temp') },
  { name: 'warm', window: { tumbling: '5s' }, facts: { mean: { mean: 'temp' } }, conditions: above('mean') },
].map((rule) => ({ ...rule, stream: 'sensors', event: { type: rule.name } }));
const BATCHES = { clickhouse: { batch: { rows: 10_000, bytes: '5MB', age: '1s' } } };

/**
 * ClickHouse is away for ten minutes while 2,000 readings a second come. Memory: the engine's highest resident memory in that time, in MiB,
 * beside its highest in the minute before. Drain: rows a second from the moment it is back until nothing waits, beside what comes in.
 */
export const outage: BenchCase = {
  name: 'outage',
  summary: `memory through an outage of ClickHouse of ${OUTAGE_S} s at ${PER_SECOND} readings/s, and how fast the backlog goes`,
  run: () =>
    withWorld(async (world) => {
      const publisher = publish(world, (WARM_UP_S + OUTAGE_S + 120) * PER_SECOND, PER_SECOND);
      try {
        const before = await highestRss(world, WARM_UP_S);
        world.links.clickhouse.set({ down: true });
        const during = await highestRss(world, OUTAGE_S);
        const rowsBefore = await rowsOf(world);
        const backAt = performance.now();
        world.links.clickhouse.set({});
        await until(async () => rowsOf(world).then((rows) => publisher.sent.length - rows < 2 * PER_SECOND));
        const drained = ((await rowsOf(world)) - rowsBefore) / ((performance.now() - backAt) / 1_000);
        return [
          { case: 'outage: memory', value: during, baseline: before, ratio: during / before, unit: 'MiB' },
          {
            case: 'outage: drain',
            value: Math.round(drained),
            baseline: PER_SECOND,
            ratio: drained / PER_SECOND,
            unit: 'rows/s',
          },
        ];
      } finally {
        await publisher.close();
      }
    }),
};

/** The engine's highest resident memory while readings come as fast as the broker gives them, in MiB; beside that at an easy rate. */
export const flood: BenchCase = {
  name: 'flood',
  summary: `memory while ${FLOOD} readings come at once, against ${PER_SECOND} readings/s`,
  run: () =>
    withWorld(async (world) => {
      const calm = publish(world, WARM_UP_S * PER_SECOND, PER_SECOND);
      const baseline = await highestRss(world, WARM_UP_S);
      await calm.done;
      await calm.close();
      const publisher = publish(world, FLOOD, 1_000_000);
      try {
        let value = 0;
        await until(async () => {
          value = Math.max(value, await rssOf(world));
          return (await rowsOf(world)) >= FLOOD;
        });
        return [{ case: 'flood: memory', value, baseline, ratio: value / baseline, unit: 'MiB' }];
      } finally {
        await publisher.close();
      }
    }),
};

/** From a start after kill -9 until the journal is folded, in seconds; beside a start with an empty one. */
export const recovery: BenchCase = {
  name: 'recovery',
  summary: 'time until ready after kill -9 with 100 MB of journal to fold, against a start without any',
  run: () =>
    withWorld(async (world) => {
      await world.restart();
      const baseline = world.recoveryMs;
      world.links.clickhouse.set({ down: true });
      const publisher = publish(world, RECOVERED, 40_000);
      await publisher.done;
      await publisher.close();
      await until(async () => (await world.engine().metrics()).weir_messages_journaled_total === RECOVERED);
      await world.kill();
      world.links.clickhouse.set({});
      const startedAt = performance.now();
      await world.revive();
      const value = performance.now() - startedAt;
      await until(async () => (await rowsOf(world)) === RECOVERED);
      const seconds = (ms: number) => Math.round(ms / 10) / 100;
      return [
        { case: 'recovery', value: seconds(value), baseline: seconds(baseline), ratio: value / baseline, unit: 's' },
      ];
    }),
};

async function withWorld<T>(measure: (world: World) => Promise<T>): Promise<T> {
  const dir = mkdtempSync(join(tmpdir(), 'weir-bench-clickhouse-'));
  let server: EmbeddedClickHouse | undefined;
  let world: World | undefined;
  try {
    server = await startClickHouse({ dir });
    world = await createWorld(server, { config: BATCHES, rules: RULES, merges: true });
    await world.start({ cli: CLI });
    return await measure(world);
  } finally {
    await world?.close();
    await server?.stop();
    rmSync(dir, { recursive: true, force: true, maxRetries: 3 });
  }
}

/** Readings that raise no alert. */
function publish(world: World, count: number, perSecond: number): Publisher {
  return startPublisher({ url: world.broker.url, count, perSecond, disturb: (n) => [plainReading(n)] });
}

/** MiB. */
async function highestRss(world: World, seconds: number): Promise<number> {
  const endAt = performance.now() + seconds * 1_000;
  let highest = 0;
  while (performance.now() < endAt) {
    await delay(POLL_MS);
    highest = Math.max(highest, await rssOf(world));
  }
  return highest;
}

async function rssOf(world: World): Promise<number> {
  const { process_resident_memory_bytes: bytes = 0 } = await world.engine().metrics();
  return Math.round(bytes / MIB);
}

async function rowsOf({ query, database }: World): Promise<number> {
  return Number((await query<{ n: string }>(`SELECT count() AS n FROM ${database}.sensors`))[0]?.n);
}

async function until(isDone: () => Promise<boolean>): Promise<void> {
  const deadlineAt = performance.now() + DEADLINE_MS;
  while (!(await isDone())) {
    if (performance.now() > deadlineAt) throw new Error('it does not come to an end');
    await delay(POLL_MS);
  }
}
