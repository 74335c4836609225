import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type EmbeddedClickHouse, startClickHouse } from '../../connectors/embedded/clickhouse.ts';
import { type Publisher, startPublisher } from '../faults/publisher.ts';
import { plainReading } from '../faults/readings.ts';
import { createTestbed, type Testbed } from '../faults/testbed.ts';
import { type BenchCase, CLI, MIB } from './bench.ts';

const PER_SECOND = 2_000;
const WARM_UP_S = 60;
const OUTAGE_S = 600;
/** Number of readings for 100 MB of journal. */
const RECOVERED = 1_100_000;
const FLOOD = 1_000_000;
const DEADLINE_MS = 10 * 60_000;
const POLL_MS = 250;
const above = (fact: string) => ({ all: [{ fact, operator: 'greaterThan', value: 80 }] });
/** A rule over single readings and one over windows. Neither raises an alert for the readings that are sent. */
const RULES = [
  { name: 'hot', conditions: above('temp') },
  { name: 'warm', window: { tumbling: '5s' }, facts: { mean: { mean: 'temp' } }, conditions: above('mean') },
].map((rule) => ({ ...rule, stream: 'sensors', event: { type: rule.name } }));
const BATCHES = { clickhouse: { batch: { rows: 10_000, bytes: '5MB', age: '1s' } } };

/**
 * ClickHouse is away for ten minutes while 2,000 readings per second arrive. Memory: the engine's highest resident memory in that time in
 * MiB; the baseline is that of the minute before. Drain: rows per second from its return until nothing waits; the baseline is the input.
 */
export const outage: BenchCase = {
  name: 'outage',
  summary: `memory through an outage of ClickHouse of ${OUTAGE_S} s at ${PER_SECOND} readings/s, and how fast the backlog goes`,
  run: () =>
    withTestbed(async (testbed) => {
      const publisher = publish(testbed, (WARM_UP_S + OUTAGE_S + 120) * PER_SECOND, PER_SECOND);
      try {
        const before = await highestRss(testbed, WARM_UP_S);
        testbed.links.clickhouse.set({ down: true });
        const during = await highestRss(testbed, OUTAGE_S);
        const rowsBefore = await rowsOf(testbed);
        const backAt = performance.now();
        testbed.links.clickhouse.set({});
        await until(async () => rowsOf(testbed).then((rows) => publisher.sent.length - rows < 2 * PER_SECOND));
        const drained = ((await rowsOf(testbed)) - rowsBefore) / ((performance.now() - backAt) / 1_000);
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

/** The engine's highest resident memory in MiB while readings arrive as fast as possible; the baseline is that at a low rate. */
export const flood: BenchCase = {
  name: 'flood',
  summary: `memory while ${FLOOD} readings come at once, against ${PER_SECOND} readings/s`,
  run: () =>
    withTestbed(async (testbed) => {
      const warmUp = publish(testbed, WARM_UP_S * PER_SECOND, PER_SECOND);
      const baseline = await highestRss(testbed, WARM_UP_S);
      await warmUp.done;
      await warmUp.close();
      const publisher = publish(testbed, FLOOD, 1_000_000);
      try {
        let value = 0;
        await until(async () => {
          value = Math.max(value, await rssOf(testbed));
          return (await rowsOf(testbed)) >= FLOOD;
        });
        return [{ case: 'flood: memory', value, baseline, ratio: value / baseline, unit: 'MiB' }];
      } finally {
        await publisher.close();
      }
    }),
};

/** Seconds from a start after kill -9 until the journal is folded; the baseline is a start with an empty journal. */
export const recovery: BenchCase = {
  name: 'recovery',
  summary: 'time until ready after kill -9 with 100 MB of journal to fold, against a start without any',
  run: () =>
    withTestbed(async (testbed) => {
      await testbed.restart();
      const baseline = testbed.recoveryMs;
      testbed.links.clickhouse.set({ down: true });
      const publisher = publish(testbed, RECOVERED, 40_000);
      await publisher.done;
      await publisher.close();
      await until(async () => (await testbed.engine().metrics()).weir_messages_journaled_total === RECOVERED);
      await testbed.kill();
      testbed.links.clickhouse.set({});
      const startedAt = performance.now();
      await testbed.revive();
      const value = performance.now() - startedAt;
      await until(async () => (await rowsOf(testbed)) === RECOVERED);
      const seconds = (ms: number) => Math.round(ms / 10) / 100;
      return [
        { case: 'recovery', value: seconds(value), baseline: seconds(baseline), ratio: value / baseline, unit: 's' },
      ];
    }),
};

async function withTestbed<T>(measure: (testbed: Testbed) => Promise<T>): Promise<T> {
  const dir = mkdtempSync(join(tmpdir(), 'weir-bench-clickhouse-'));
  let server: EmbeddedClickHouse | undefined;
  let testbed: Testbed | undefined;
  try {
    server = await startClickHouse({ dir });
    testbed = await createTestbed(server, { config: BATCHES, rules: RULES, merges: true });
    await testbed.start({ cli: CLI });
    return await measure(testbed);
  } finally {
    await testbed?.close();
    await server?.stop();
    rmSync(dir, { recursive: true, force: true, maxRetries: 3 });
  }
}

/** Publishes readings that raise no alert. */
function publish(testbed: Testbed, count: number, perSecond: number): Publisher {
  return startPublisher({ url: testbed.broker.url, count, perSecond, disturb: (n) => [plainReading(n)] });
}

/** MiB. */
async function highestRss(testbed: Testbed, seconds: number): Promise<number> {
  const endAt = performance.now() + seconds * 1_000;
  let highest = 0;
  while (performance.now() < endAt) {
    await delay(POLL_MS);
    highest = Math.max(highest, await rssOf(testbed));
  }
  return highest;
}

async function rssOf(testbed: Testbed): Promise<number> {
  const { process_resident_memory_bytes: bytes = 0 } = await testbed.engine().metrics();
  return Math.round(bytes / MIB);
}

async function rowsOf({ query, database }: Testbed): Promise<number> {
  return Number((await query<{ n: string }>(`SELECT count() AS n FROM ${database}.sensors`))[0]?.n);
}

async function until(isDone: () => Promise<boolean>): Promise<void> {
  const deadlineAt = performance.now() + DEADLINE_MS;
  while (!(await isDone())) {
    if (performance.now() > deadlineAt) throw new Error('it did not end before the deadline');
    await delay(POLL_MS);
  }
}
