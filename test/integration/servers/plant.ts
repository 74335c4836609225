import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ClickHouseClient, ClickHouseLogLevel, createClient } from '@clickhouse/client';
import mqtt, { type IClientOptions, type MqttClient } from 'mqtt';
import { connect, type NatsConnection } from 'nats';
import { vi } from 'vitest';
import { type EmbeddedNats, startNats } from '../../../connectors/embedded/nats.ts';
import { type Engine, spawnWeir } from './engine.ts';
import { type Mosquitto, startMosquitto } from './mosquitto.ts';

/** Generous, because the machine may be busy; a test continues as soon as its condition is true. */
export const DEADLINE_MS = 45_000;

/** Retries until the assertions are true. */
export const eventually = <T>(check: () => T | Promise<T>): Promise<T> =>
  vi.waitFor(check, { timeout: DEADLINE_MS, interval: 25 });

/** Stops everything that was started in reverse order, also if some stops fail. */
export interface Cleanup {
  add(end: () => unknown): void;
  run(): Promise<void>;
}

export function createCleanup(): Cleanup {
  const ends: (() => unknown)[] = [];
  return {
    add: (end) => ends.push(end),
    run: async () => {
      const failures: unknown[] = [];
      for (let end = ends.pop(); end !== undefined; end = ends.pop()) {
        try {
          await end();
        } catch (error) {
          failures.push(error);
        }
      }
      if (failures.length > 0) throw new AggregateError(failures, 'not everything could be ended');
    },
  };
}

export type Json = Readonly<Record<string, unknown>>;

/** The config and rules of an engine; servers and folders are filled in. */
export interface PlantOptions {
  readonly clickhouseUrl: string;
  /** The database; plants that share a server need different ones. */
  readonly database: string;
  readonly streams: Json;
  readonly rules: readonly Json[];
  /** Changes of the sections of the config. */
  readonly config?: Readonly<Record<string, Json>>;
  /** More lines for the broker's configuration. */
  readonly broker?: readonly string[];
  /** More text for the NATS server's configuration. */
  readonly nats?: string;
}

/** A broker, a NATS server, a database and a folder for one engine. */
export interface Plant {
  readonly dir: string;
  readonly configFile: string;
  readonly broker: Mosquitto;
  readonly database: string;
  nats(): EmbeddedNats;
  /** Stops NATS and keeps its data for `startNats`. */
  stopNats(): Promise<void>;
  /** Starts NATS again on the same port. */
  startNats(): Promise<void>;
  writeConfig(changes: Readonly<Record<string, unknown>>): Promise<void>;
  writeRules(rules: readonly Json[]): Promise<void>;
  /** Starts the engine and waits until it runs; it may not be ready yet. */
  start(env?: Readonly<Record<string, string>>): Promise<Engine>;
  /** Starts the engine without waiting. */
  spawn(env?: Readonly<Record<string, string>>): Engine;
  /** A client of the broker. */
  client(options?: IClientOptions): Promise<MqttClient>;
  /** A client of the NATS server, closed together with it. */
  natsClient(): Promise<NatsConnection>;
}

export async function createPlant(options: PlantOptions, cleanup: Cleanup): Promise<Plant> {
  const dir = await mkdtemp(join(tmpdir(), 'weir-plant-'));
  cleanup.add(() => rm(dir, { recursive: true, force: true, maxRetries: 3 }));
  const broker = await startMosquitto({ ...(options.broker !== undefined && { config: options.broker }) });
  cleanup.add(() => broker.stop());
  const natsOptions = { dir: join(dir, 'nats'), ...(options.nats !== undefined && { config: options.nats }) };
  let nats = await startNats(natsOptions);
  cleanup.add(() => nats.stop());
  const { port } = nats;
  const configFile = join(dir, 'weir.json');
  const base = configOf(options, broker.url, nats.url);
  const spawn = (env?: Readonly<Record<string, string>>) => {
    const engine = spawnWeir(['run', '--config', configFile], env);
    cleanup.add(() => engine.kill());
    return engine;
  };
  const plant: Plant = {
    dir,
    configFile,
    broker,
    database: options.database,
    nats: () => nats,
    stopNats: () => nats.stop(),
    startNats: async () => {
      nats = await startNats({ ...natsOptions, port });
    },
    writeConfig: (changes) => writeFile(configFile, JSON.stringify({ ...base, ...changes }, undefined, 2)),
    writeRules: (rules) => writeRules(join(dir, 'rules'), rules),
    spawn,
    start: async (env) => {
      const engine = spawn(env);
      await engine.running();
      return engine;
    },
    client: async (clientOptions) => {
      const client = await mqtt.connectAsync(broker.url, { reconnectPeriod: 50, ...clientOptions });
      cleanup.add(() => client.endAsync(true));
      return client;
    },
    natsClient: async () => {
      const client = await connect({ servers: nats.url, maxReconnectAttempts: -1, reconnectTimeWait: 50 });
      cleanup.add(() => client.close());
      return client;
    },
  };
  await plant.writeConfig({});
  await plant.writeRules(options.rules);
  return plant;
}

function configOf(options: PlantOptions, brokerUrl: string, natsUrl: string): Record<string, unknown> {
  const { clickhouseUrl, database, streams, config = {} } = options;
  const base: Record<string, Json> = {
    mqtt: { url: brokerUrl, clientId: 'weir-test' },
    nats: { servers: natsUrl },
    clickhouse: { url: clickhouseUrl, database, batch: { age: '100ms' } },
    http: { port: 0 },
  };
  for (const [section, changes] of Object.entries(config)) base[section] = { ...base[section], ...changes };
  return { data: './data', rules: './rules', streams, ...base };
}

async function writeRules(folder: string, rules: readonly Json[]): Promise<void> {
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  await Promise.all(
    rules.map((rule) => writeFile(join(folder, `${rule.name}.rule.json`), JSON.stringify(rule, undefined, 2))),
  );
}

/** Queries of ClickHouse for tests. */
export interface Tables {
  /** The rows as objects; 64-bit integers are strings, times are `YYYY-MM-DD hh:mm:ss.ffffff`. */
  select<Row = Json>(query: string): Promise<Row[]>;
  /** A single number. */
  count(query: string): Promise<number>;
  command(query: string): Promise<void>;
}

export function openTables(url: string, cleanup: Cleanup): Tables {
  const client: ClickHouseClient = createClient({
    url,
    // The query is repeated if the table does not exist yet.
    log: { level: ClickHouseLogLevel.OFF },
    clickhouse_settings: { output_format_json_quote_64bit_integers: 1, output_format_json_quote_denormals: 1 },
  });
  cleanup.add(() => client.close());
  const select = async <Row>(query: string) => (await client.query({ query, format: 'JSONEachRow' })).json<Row>();
  return {
    select,
    count: async (query) => Number((await select<{ n: string }>(`SELECT toInt64(${query}) AS n`))[0]?.n),
    command: async (query) => {
      await client.command({ query });
    },
  };
}
