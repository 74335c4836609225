import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { freePort } from '../../connectors/embedded/child.ts';
import { startClickHouse } from '../../connectors/embedded/clickhouse.ts';
import { startNats } from '../../connectors/embedded/nats.ts';
import { startMosquitto } from '../integration/servers/mosquitto.ts';
import type { BenchCase, BenchResult } from './bench.ts';
import { type Child, startChild } from './latency/child.ts';
import { writeConfig } from './latency/config.ts';
import type { Instants, Load, Measured } from './latency/load.ts';
import { type Run, resultsOf } from './latency/results.ts';

const RATES = [1_000, 5_000, 15_000];
/** One alert per so many messages. */
const ALERTS = [100, 10];
const DEVICES = 100_000;
/** Longer than the interval of checkpoints. */
const SECONDS = 12;
/** The baseline does nothing that happens only every few seconds. */
const BASELINE_SECONDS = 5;
/** Before each measurement, so that the compiler of the runtime has seen the code. */
const WARM_UP_SECONDS = 2;
/** For the start of the engine. */
const DEADLINE_MS = 30_000;
/** The rate at which new devices are introduced. Each of them is an event. */
const INTRODUCED_PER_SECOND = 4_000;

/**
 * Time from the write of a message to a broker until its alert arrives at a subscriber on NATS, by rate and by how many messages cause an
 * alert. The baseline is a subscriber wired by hand, of which nothing is durable, with the same messages. The engine runs with all its
 * parts: journal, checkpoints, JetStream with its KV, inserts. Its stages follow; their baseline is the whole.
 */
export const latency: BenchCase = {
  name: 'latency',
  summary: 'time from a message to its alert on NATS and CPU per message, by stage, against a subscriber wired by hand',
  async run(args) {
    const { rates, alerts, devices, seconds, folder: parent } = optionsOf(args);
    const folder = mkdtempSync(join(parent, 'weir-bench-'));
    const [mosquitto, nats, clickhouse] = await Promise.all([
      startMosquitto({ config: ['log_type error', 'set_tcp_nodelay true'] }),
      startNats({ dir: join(folder, 'nats') }),
      startClickHouse({ dir: join(folder, 'clickhouse') }),
    ]);
    const children: Child[] = [];
    const start = async (...of: Parameters<typeof startChild>) => {
      const child = await startChild(...of);
      children.push(child);
      return child;
    };
    try {
      const loads = rates.flatMap((perSecond) => alerts.map((alertEvery) => ({ perSecond, alertEvery })));
      const receiver = await start('./receiver.ts', [nats.url]);
      // Each consumer has a generator of its own, because it must see the alerts of each device from the first on.
      const startGenerator = () => start('./generator.ts', [mosquitto.port, devices]);

      const measureBaseline = createMeasure(await startGenerator(), receiver);
      const handWired = await start('./hand-wired.ts', [mosquitto.url, nats.url]);
      const baselines: Run[] = [];
      for (const load of loads)
        baselines.push(await measureBaseline(handWired, load, Math.min(seconds, BASELINE_SECONDS)));
      await handWired.stop();

      const generator = await startGenerator();
      const measure = createMeasure(generator, receiver);
      const port = await freePort();
      const urls = { mqtt: mosquitto.url, nats: nats.url, clickhouse: clickhouse.url };
      const config = writeConfig(folder, { ...urls, port, devices });
      const engine = await start('./traced-engine.ts', [config], {
        nodeFlags: ['--disallow-code-generation-from-strings'],
        waits: false,
      });
      await untilReady(port);
      await introduce(generator, devices, port);
      const results: BenchResult[] = [];
      for (const [i, load] of loads.entries()) {
        const run = await measure(engine, load, seconds);
        results.push(...resultsOf(run, baselines[i]!));
      }
      return results;
    } finally {
      for (const child of children) await child.stop();
      await Promise.all([mosquitto.stop(), nats.stop(), clickhouse.stop()]);
      rmSync(folder, { recursive: true, force: true });
    }
  },
};

function optionsOf(args: readonly string[]) {
  const { values } = parseArgs({
    args: [...args],
    options: {
      rates: { type: 'string', default: RATES.join(',') },
      alerts: { type: 'string', default: ALERTS.join(',') },
      devices: { type: 'string', default: String(DEVICES) },
      seconds: { type: 'string', default: String(SECONDS) },
      folder: { type: 'string', default: tmpdir() },
    },
  });
  const numbers = (text: string) => text.split(',').map(Number);
  return {
    rates: numbers(values.rates),
    alerts: numbers(values.alerts),
    devices: Number(values.devices),
    seconds: Number(values.seconds),
    folder: values.folder,
  };
}

/** Message numbers continue from one load to the next. Those of the first load follow the messages that introduce the devices. */
let nextNumber = 10_000_000;

function createMeasure(generator: Child, receiver: Child) {
  const once = async (consumer: Child, rest: Omit<Load, 'first' | 'count'>, seconds: number): Promise<Run> => {
    const load: Load = { ...rest, first: nextNumber, count: rest.perSecond * seconds };
    nextNumber += load.count;
    for (const child of [receiver, consumer]) await child.ask({ begin: load });
    const sentAt = await generator.ask<Instants>({ begin: load });
    const { cpuUs, trace } = await consumer.ask<Measured>('take');
    const arrivedAt = await receiver.ask<Instants>('take');
    return { load, sentAt, arrivedAt, cpuUs, ...(trace !== undefined && { trace }) };
  };
  return async (consumer: Child, load: Omit<Load, 'first' | 'count'>, seconds: number): Promise<Run> => {
    await once(consumer, load, WARM_UP_SECONDS);
    return once(consumer, load, seconds);
  };
}

/** Sends a first message of each device, and waits until the engine has published their events and inserted their rows. */
async function introduce(generator: Child, devices: number, port: number): Promise<void> {
  await generator.ask({ begin: { first: 0, count: devices, perSecond: INTRODUCED_PER_SECOND, alertEvery: 0 } });
  while ((await metric(port, 'weir_devices')) < devices || (await metric(port, 'weir_nats_pending_bytes')) > 0)
    await delay(500);
}

async function untilReady(port: number): Promise<void> {
  const deadlineAt = performance.now() + DEADLINE_MS;
  const isReady = () =>
    fetch(`http://127.0.0.1:${port}/readyz`).then(
      ({ ok }) => ok,
      () => false,
    );
  while (!(await isReady())) {
    if (performance.now() > deadlineAt) throw new Error(`the engine was not ready within ${DEADLINE_MS} ms`);
    await delay(50);
  }
}

async function metric(port: number, name: string): Promise<number> {
  const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  return Number(new RegExp(`^${name} (.*)$`, 'm').exec(text)?.[1] ?? Number.NaN);
}
