import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { freePort } from '../../connectors/embedded/child.ts';
import { startClickHouse } from '../../connectors/embedded/clickhouse.ts';
import { startNats } from '../../connectors/embedded/nats.ts';
import { startMosquitto } from '../integration/servers/mosquitto.ts';
import type { BenchCase, BenchOptions } from './bench.ts';
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
  options: ['rates', 'alerts', 'devices', 'seconds', 'folder'],
  async run(options) {
    const settings = settingsOf(options);
    const folder = mkdtempSync(join(settings.folder, 'weir-bench-'));
    const [mosquitto, nats, clickhouse] = await Promise.all([
      startMosquitto({ config: ['log_type error', 'set_tcp_nodelay true'] }),
      startNats({ dir: join(folder, 'nats') }),
      startClickHouse({ dir: join(folder, 'clickhouse') }),
    ]);
    const children: Child[] = [];
    const start: Start = async (...of) => {
      const child = await startChild(...of);
      children.push(child);
      return child;
    };
    const setup = { ...settings, folder, start, mqttPort: mosquitto.port };
    const urls = { mqtt: mosquitto.url, nats: nats.url, clickhouse: clickhouse.url };
    try {
      const receiver = await start('./receiver.ts', [nats.url]);
      const baselines = await measureBaseline(setup, urls, receiver);
      const runs = await measureEngine(setup, urls, receiver);
      return runs.flatMap((run, i) => resultsOf(run, baselines[i]!));
    } finally {
      for (const child of children) await child.stop();
      await Promise.all([mosquitto.stop(), nats.stop(), clickhouse.stop()]);
      rmSync(folder, { recursive: true, force: true });
    }
  },
};

type Start = typeof startChild;
type Rate = Pick<Load, 'perSecond' | 'alertEvery'>;

interface Setup {
  readonly loads: readonly Rate[];
  readonly devices: number;
  readonly seconds: number;
  readonly folder: string;
  readonly start: Start;
  readonly mqttPort: number;
}

interface Urls {
  readonly mqtt: string;
  readonly nats: string;
  readonly clickhouse: string;
}

/** Each consumer has a generator of its own, because it must see the alerts of each device from the first on. */
function startGenerator({ start, mqttPort, devices }: Setup): Promise<Child> {
  return start('./generator.ts', [mqttPort, devices]);
}

async function measureBaseline(setup: Setup, urls: Urls, receiver: Child): Promise<readonly Run[]> {
  const measure = createMeasure(await startGenerator(setup), receiver);
  const handWired = await setup.start('./hand-wired.ts', [urls.mqtt, urls.nats]);
  const runs: Run[] = [];
  for (const load of setup.loads) runs.push(await measure(handWired, load, Math.min(setup.seconds, BASELINE_SECONDS)));
  await handWired.stop();
  return runs;
}

async function measureEngine(setup: Setup, urls: Urls, receiver: Child): Promise<readonly Run[]> {
  const { folder, devices, loads, seconds } = setup;
  const port = await freePort();
  const generator = await startGenerator(setup);
  const engine = await setup.start('./traced-engine.ts', [writeConfig(folder, { ...urls, port, devices })], {
    nodeFlags: ['--disallow-code-generation-from-strings'],
    waits: false,
  });
  await untilReady(port);
  await introduce(generator, devices, port);
  const measure = createMeasure(generator, receiver);
  const runs: Run[] = [];
  for (const load of loads) runs.push(await measure(engine, load, seconds));
  return runs;
}

function settingsOf({
  rates = RATES,
  alerts = ALERTS,
  devices: [devices = DEVICES] = [],
  seconds = SECONDS,
  folder = tmpdir(),
}: BenchOptions) {
  const loads = rates.flatMap((perSecond) => alerts.map((alertEvery): Rate => ({ perSecond, alertEvery })));
  return { loads, devices, seconds, folder };
}

/** Message numbers continue from one load to the next. Those of the first load follow the messages that introduce the devices. */
let nextNumber = 10_000_000;

function createMeasure(generator: Child, receiver: Child) {
  const once = async (consumer: Child, rest: Rate, seconds: number): Promise<Run> => {
    const load: Load = { ...rest, first: nextNumber, count: rest.perSecond * seconds };
    nextNumber += load.count;
    for (const child of [receiver, consumer]) await child.ask({ begin: load });
    const sentAt = await generator.ask<Instants>({ begin: load });
    const { cpuUs, trace } = await consumer.ask<Measured>('take');
    const arrivedAt = await receiver.ask<Instants>('take');
    return { load, sentAt, arrivedAt, cpuUs, ...(trace !== undefined && { trace }) };
  };
  return async (consumer: Child, load: Rate, seconds: number): Promise<Run> => {
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
