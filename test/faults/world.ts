import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type ClickHouseClient, ClickHouseLogLevel, createClient } from '@clickhouse/client';
import { connect, type NatsConnection } from 'nats';
import type { EmbeddedClickHouse } from '../../connectors/embedded/clickhouse.ts';
import { type EmbeddedNats, startNats } from '../../connectors/embedded/nats.ts';
import { type Engine, type Readiness, spawnWeir } from '../integration/servers/engine.ts';
import { type Mosquitto, startMosquitto } from '../integration/servers/mosquitto.ts';
import { RULE, STREAM } from './readings.ts';
import { type Relay, startRelay } from './relay.ts';

/** Servers, links and an engine for one run of a scenario. */
export interface World {
  readonly broker: Mosquitto;
  readonly links: { readonly mqtt: Relay; readonly nats: Relay; readonly clickhouse: Relay };
  readonly folder: string;
  readonly database: string;
  readonly clickhouse: ClickHouseClient;
  nats(): EmbeddedNats;
  stopNats(): Promise<void>;
  startNats(): Promise<void>;
  /** The engine that runs, or ran last. */
  engine(): Engine;
  /** Starts an engine from these compiled files and keeps it up: one that ends by itself is started again from `then`. */
  start(cli: string, then?: string): Promise<void>;
  /** SIGKILL, and a new one. Resolves once it runs. */
  restart(): Promise<void>;
  /** How often an engine has ended. */
  readonly ends: number;
  /** The longest time from an engine's end until the next one was ready; milliseconds. */
  readonly recoveryMs: number;
  query<Row>(query: string): Promise<Row[]>;
  /** The changes of alerts in the stream, in order: `<device> <state> <event time>`. */
  changes(): Promise<string[]>;
  close(): Promise<void>;
}

const READY_DEADLINE_MS = 60_000;

let databases = 0;

export async function createWorld(
  server: EmbeddedClickHouse,
  { config = {}, merges = false }: { readonly config?: object; readonly merges?: boolean },
): Promise<World> {
  const folder = mkdtempSync(join(tmpdir(), 'weir-faults-'));
  const database = `faults_${++databases}`;
  const broker = await startMosquitto({
    config: ['log_type error', 'autosave_interval 1', 'autosave_on_changes true'],
  });
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
  writeFileSync(join(folder, 'rules/hot.rule.json'), JSON.stringify(RULE));
  writeFileSync(file, JSON.stringify(configOf(links, database, config)));
  const clickhouse = createClient({ url: server.url, log: { level: ClickHouseLogLevel.OFF } });
  let watcher: NatsConnection | undefined;
  let engine: Engine | undefined;
  let successor = '';
  let closing = false;
  let ends = 0;
  let recoveryMs = 0;
  let starting: Promise<void> = Promise.resolve();

  const launch = async (cli: string): Promise<void> => {
    const started = spawnWeir(['run', '--config', file], {}, cli);
    engine = started;
    void started.exited.then(() => {
      if (closing) return;
      ends += 1;
      const endedAt = performance.now();
      starting = launch(successor).then(async () => {
        await ready(() => engine as Engine, ['journal']);
        recoveryMs = Math.max(recoveryMs, performance.now() - endedAt);
      });
      starting.catch(() => undefined);
    });
    await started.running();
  };

  return {
    broker,
    links,
    folder,
    database,
    clickhouse,
    nats: () => nats,
    stopNats: () => nats.stop(),
    startNats: async () => {
      nats = await startNats({ ...natsOptions, port });
    },
    engine: () => engine as Engine,
    start: async (cli, then = cli) => {
      successor = then;
      await launch(cli);
      // Before it has subscribed, the broker keeps nothing for it.
      await ready(() => engine as Engine, ['journal', 'mqtt', 'nats', 'clickhouse']);
      // A merge would hide that a row was inserted twice.
      if (!merges) await clickhouse.command({ query: `SYSTEM STOP MERGES ${database}.sensors` });
    },
    restart: async () => {
      const before = ends;
      await engine?.kill();
      while (ends === before) await delay(5);
      await starting;
    },
    get ends() {
      return ends;
    },
    get recoveryMs() {
      return recoveryMs;
    },
    query: async <Row>(query: string) => (await clickhouse.query({ query, format: 'JSONEachRow' })).json<Row>(),
    changes: async () => {
      watcher ??= await connect({ servers: nats.url, maxReconnectAttempts: -1, reconnectTimeWait: 50 });
      return readChanges(watcher);
    },
    close: async () => {
      closing = true;
      await starting.catch(() => undefined);
      await engine?.kill();
      await watcher?.close();
      await clickhouse.command({ query: `DROP DATABASE IF EXISTS ${database}` });
      await clickhouse.close();
      await Promise.all([links.mqtt.close(), links.nats.close(), links.clickhouse.close()]);
      await Promise.all([broker.stop(), nats.stop()]);
      rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
    },
  };
}

function configOf(links: World['links'], database: string, more: object): object {
  return {
    data: './data',
    rules: './rules',
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
    ...more,
  };
}

/** Undefined where it does not answer. */
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

/** Every message of the stream, whoever acknowledges it: an ordered consumer has no state of its own. */
async function readChanges(client: NatsConnection): Promise<string[]> {
  const manager = await client.jetstreamManager();
  const changes: string[] = [];
  let messages = 0;
  try {
    messages = (await manager.streams.info('WEIR_ALERTS')).state.messages;
  } catch {
    // Nothing has been published yet.
    return changes;
  }
  if (messages === 0) return changes;
  const consumer = await client.jetstream().consumers.get('WEIR_ALERTS');
  for await (const message of await consumer.fetch({ max_messages: messages, expires: 5_000 })) {
    const { data } = message.json<{ data: { key: string; state: string; at: string } }>();
    changes.push(`${data.key} ${data.state} ${data.at}`);
    if (changes.length === messages) break;
  }
  return changes;
}
