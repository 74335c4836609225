// Longer than most: one object starts, changes and stops all parts of a testbed, which share their state.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type ClickHouseClient, ClickHouseLogLevel, createClient } from '@clickhouse/client';
import { connect, type NatsConnection } from 'nats';
import { type EmbeddedClickHouse, startClickHouse } from '../../connectors/embedded/clickhouse.ts';
import { type EmbeddedNats, startNats } from '../../connectors/embedded/nats.ts';
import { type Engine, type Exit, type LogLine, type Readiness, spawnWeir } from '../integration/servers/engine.ts';
import { type Received, readBucket, readStream } from '../integration/servers/events.ts';
import { type Mosquitto, startMosquitto } from '../integration/servers/mosquitto.ts';
import { mountDisk } from './disk.ts';
import { RULES, STREAM } from './readings.ts';
import { type Relay, startRelay } from './relay.ts';

/** The program of an engine, which is started with `run --config FILE`. */
export interface Program {
  readonly cli: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** The servers, links and engine of one run of a scenario. */
export interface Testbed {
  readonly broker: Mosquitto;
  readonly links: { readonly mqtt: Relay; readonly nats: Relay; readonly clickhouse: Relay };
  readonly folder: string;
  /** The data folder, with the journal. */
  readonly data: string;
  readonly database: string;
  readonly clickhouse: ClickHouseClient;
  /** Stops the server cleanly and starts it again; only if the scenario has its own server. */
  restartClickHouse(): Promise<void>;
  /** Merges changes into the sections of the config, for engines that start later. */
  reconfigure(changes: Readonly<Record<string, object>>): void;
  nats(): EmbeddedNats;
  stopNats(): Promise<void>;
  /** Starts the server again, on the same port and with its data. */
  startNats(options?: { readonly jetstream?: boolean; readonly config?: string }): Promise<void>;
  /** A client of the NATS server. */
  natsClient(): Promise<NatsConnection>;
  /** The running engine, or the last one. */
  engine(): Engine;
  /** Starts an engine. When it exits by itself, `then` is started. */
  start(first: Program, then?: Program): Promise<void>;
  /** Resolves once every part of the engine is ready. */
  ready(): Promise<void>;
  /** Kills the engine with SIGKILL and starts a new one. Resolves once it runs. */
  restart(): Promise<void>;
  /** Kills the engine with SIGKILL. The next one starts at `revive`. */
  kill(): Promise<void>;
  revive(): Promise<void>;
  /** The log lines of all engines. */
  log(): readonly LogLine[];
  /** How the engines have exited, in order. */
  readonly exits: readonly Exit[];
  /** The longest time from an engine's exit until the next one was ready; milliseconds. */
  readonly recoveryMs: number;
  query<Row>(query: string): Promise<Row[]>;
  /** By device: the changes of alerts in the stream, in order, each as `<state> <event time>`. */
  changes(): Promise<ReadonlyMap<string, readonly string[]>>;
  /** The devices in the bucket of open alerts. */
  openAlerts(): Promise<string[]>;
  close(): Promise<void>;
}

/** The parts of the engine in `/readyz`. */
const EVERYTHING = ['journal', 'mqtt', 'nats', 'clickhouse'];
const READY_DEADLINE_MS = 60_000;

let databases = 0;

export interface TestbedOptions {
  /** Changes of the sections of the config. */
  readonly config?: Readonly<Record<string, object>>;
  /** The rules. Default: those that the oracle knows. */
  readonly rules?: readonly { readonly name: string }[];
  /** Whether ClickHouse merges; needed if there would be too many parts. By default it does not, because a merge would hide duplicate rows. */
  readonly merges?: boolean;
  /** Whether the scenario has its own ClickHouse server. */
  readonly ownClickHouse?: boolean;
  /** More lines for the broker's configuration. */
  readonly broker?: readonly string[];
  /** Heap of the engine in MiB. Default: that of Node.js. */
  readonly heapMiB?: number;
  /** Size of a separate disk for the data folder; see `canMakeDisk`. */
  readonly diskBytes?: number;
}

const MERGED = ['sensors', 'alerts', 'facts'];

export async function createTestbed(
  shared: EmbeddedClickHouse,
  {
    config = {},
    rules = RULES,
    merges = false,
    broker: lines = [],
    heapMiB,
    diskBytes,
    ownClickHouse = false,
  }: TestbedOptions,
): Promise<Testbed> {
  const folder = mkdtempSync(join(tmpdir(), 'weir-faults-'));
  const data = join(folder, 'data');
  mkdirSync(data);
  if (diskBytes !== undefined) mountDisk(data, diskBytes);
  const serverDir = join(folder, 'clickhouse');
  let server = ownClickHouse ? await startClickHouse({ dir: serverDir }) : shared;
  const database = `faults_${process.pid}_${++databases}`;
  const broker = await startMosquitto({ config: ['log_type error', ...lines] });
  const natsOptions = { dir: join(folder, 'nats') };
  let nats = await startNats(natsOptions);
  const { port } = nats;
  const links = {
    mqtt: await startRelay(broker.port),
    nats: await startRelay(port),
    clickhouse: await startRelay(Number(new URL(server.url).port)),
  };
  const file = join(folder, 'weir.json');
  mkdirSync(join(folder, 'rules'));
  for (const rule of rules) writeFileSync(join(folder, `rules/${rule.name}.rule.json`), JSON.stringify(rule));
  writeFileSync(file, JSON.stringify(configOf(links, database, config)));
  const clickhouse = createClient({ url: server.url, log: { level: ClickHouseLogLevel.OFF } });
  const stopMerges = async () => {
    if (merges) return;
    for (const table of MERGED) await clickhouse.command({ query: `SYSTEM STOP MERGES ${database}.${table}` });
  };
  const current = () => engines.at(-1) as Engine;
  let watcher: NatsConnection | undefined;
  const seen = { messages: 0, changes: new Map<string, string[]>() };
  let revived: Promise<void> | undefined;
  const engines: Engine[] = [];
  let successor: Program | undefined;
  let closing = false;
  const exits: Exit[] = [];
  let recoveryMs = 0;
  let starting: Promise<void> = Promise.resolve();

  const launch = async ({ cli, env }: Program): Promise<void> => {
    const heap = heapMiB === undefined ? {} : { NODE_OPTIONS: `--max-old-space-size=${heapMiB}` };
    const started = spawnWeir(['run', '--config', file], { ...env, ...heap }, cli);
    engines.push(started);
    void started.exited.then((exit) => {
      if (closing) return;
      exits.push(exit);
      const endedAt = performance.now();
      starting = (revived ?? Promise.resolve()).then(async () => {
        await launch(successor!);
        await ready(current, ['journal']);
        recoveryMs = Math.max(recoveryMs, performance.now() - endedAt);
      });
      starting.catch(() => undefined);
    });
    await started.running();
  };

  const natsClient = async (): Promise<NatsConnection> => {
    watcher ??= await connect({ servers: nats.url, maxReconnectAttempts: -1, reconnectTimeWait: 50 });
    return watcher;
  };
  const kill = async (): Promise<void> => {
    const before = exits.length;
    await engines.at(-1)?.kill();
    while (exits.length === before) await delay(5);
  };
  let revive: () => void = () => undefined;

  return {
    broker,
    links,
    folder,
    data,
    database,
    clickhouse,
    restartClickHouse: async () => {
      if (!ownClickHouse) throw new Error('other scenarios use this server');
      await server.stop();
      server = await startClickHouse({ dir: serverDir, port: server.port });
      await stopMerges();
    },
    reconfigure: (changes) => {
      const sections = Object.keys({ ...config, ...changes });
      const both = Object.fromEntries(sections.map((name) => [name, { ...config[name], ...changes[name] }]));
      writeFileSync(file, JSON.stringify(configOf(links, database, both)));
    },
    nats: () => nats,
    stopNats: () => nats.stop(),
    startNats: async (more = {}) => {
      nats = await startNats({ ...natsOptions, ...more, port });
    },
    natsClient,
    engine: current,
    start: async (first, then = first) => {
      successor = then;
      await launch(first);
      // The broker stores messages only after the engine has subscribed.
      await ready(current, EVERYTHING);
      await stopMerges();
    },
    ready: () => ready(current, EVERYTHING),
    restart: async () => {
      await kill();
      await starting;
    },
    kill: async () => {
      revived = new Promise((resolve) => {
        revive = resolve;
      });
      await kill();
    },
    revive: async () => {
      revived = undefined;
      revive();
      await starting;
    },
    log: () => engines.flatMap((each) => each.log()),
    exits,
    get recoveryMs() {
      return recoveryMs;
    },
    query: async <Row>(query: string) => (await clickhouse.query({ query, format: 'JSONEachRow' })).json<Row>(),
    changes: async () => {
      for (const { body } of await readNew(await natsClient(), seen.messages)) {
        const { key, state, at } = body.data as { key: string; state: string; at: string };
        seen.messages += 1;
        seen.changes.set(key, [...(seen.changes.get(key) ?? []), `${state} ${at}`]);
      }
      return seen.changes;
    },
    openAlerts: async () => {
      const entries = await readBucket(await natsClient(), 'weir_alerts_open');
      return Object.values(entries).map(({ data: { key } }) => key);
    },
    close: async () => {
      closing = true;
      revive();
      await starting.catch(() => undefined);
      await engines.at(-1)?.kill();
      await watcher?.close();
      await clickhouse.command({ query: `DROP DATABASE IF EXISTS ${database}` });
      await clickhouse.close();
      if (ownClickHouse) await server.stop();
      await Promise.all([links.mqtt.close(), links.nats.close(), links.clickhouse.close()]);
      await Promise.all([broker.stop(), nats.stop()]);
      if (diskBytes !== undefined) execFileSync('umount', [data]);
      rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
    },
  };
}

function configOf(links: Testbed['links'], database: string, more: Readonly<Record<string, object>>): object {
  const config: Record<string, object> = {
    mqtt: { url: `mqtt://127.0.0.1:${links.mqtt.port}`, clientId: 'faults', keepalive: '5s' },
    streams: { sensors: STREAM },
    nats: { servers: `nats://127.0.0.1:${links.nats.port}` },
    clickhouse: {
      url: `http://127.0.0.1:${links.clickhouse.port}`,
      database,
      batch: { rows: 500, age: '200ms' },
      requestTimeout: '10s',
    },
    http: { port: 0 },
    log: { level: 'info' },
  };
  for (const [section, changes] of Object.entries(more)) config[section] = { ...config[section], ...changes };
  return { data: './data', rules: './rules', ...config };
}

/** The answer of `/readyz`; undefined if the engine does not answer. */
async function readinessOf(engine: Engine): Promise<Readiness | undefined> {
  try {
    return await engine.readiness();
  } catch {
    return undefined;
  }
}

async function ready(engine: () => Engine, parts: readonly string[]): Promise<void> {
  const deadlineAt = performance.now() + READY_DEADLINE_MS;
  for (;;) {
    const state = await readinessOf(engine());
    const isReady = (part: string) => state?.parts.some(({ name, ready }) => name.startsWith(part) && ready) === true;
    if (parts.every(isReady)) return;
    if (performance.now() > deadlineAt) throw new Error('the engine did not become ready');
    await delay(20);
  }
}

/** The events of the alert stream after the known ones. */
async function readNew(client: NatsConnection, known: number): Promise<Received[]> {
  try {
    return await readStream(client, 'WEIR_ALERTS', known + 1);
  } catch {
    // The stream or the server does not exist yet.
    return [];
  }
}
