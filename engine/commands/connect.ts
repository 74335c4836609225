import { readFileSync } from 'node:fs';
import type { Logger } from 'pino';
import { createAttributeFile } from '../../connectors/attribute-file/file.ts';
import { createClickHouseSink } from '../../connectors/clickhouse/clickhouse.ts';
import { type ClickHouseReader, createClickHouseReader } from '../../connectors/clickhouse-reader/reader.ts';
import { createMqttSource, type ResolvedBroker } from '../../connectors/mqtt/mqtt.ts';
import { createKvAttributes } from '../../connectors/nats/attribute-bucket.ts';
import { createNatsSink } from '../../connectors/nats/nats.ts';
import { resolveSecret } from '../config/secrets.ts';
import { subscriptionsOf } from '../config/subscriptions.ts';
import { InvalidInput, type Problem } from '../document/problem.ts';
import { createSessionStore } from '../journal/sessions.ts';
import type { BrokerConfig, Config, Secret } from '../model/config.ts';
import type { Clock, EventSink, Source, TableSink } from '../ports.ts';
import type { AttributeSources } from '../runtime/attribute-feed.ts';
import type { Counters } from '../telemetry.ts';

export interface ConnectOptions {
  readonly config: Config;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly log: Logger;
  readonly counters: Counters;
  readonly clock: Clock;
  readonly random: () => number;
}

/** Above so many unacknowledged bytes of a broker, QoS 0 messages are shed, and QoS 1 and 2 messages slow down the broker. */
const HIGH_WATER_BYTES = 16 * 1024 * 1024;

/** The connectors of a config, which are not connected yet. */
export interface Connectors {
  readonly createSource: (hadSession: boolean) => Source;
  readonly tableSink: TableSink;
  readonly eventSink: EventSink;
  readonly attributeSources: AttributeSources;
}

/** Reads all secrets and certificates, and creates the connectors. Throws InvalidInput that names all missing ones. */
export function createConnectors(options: ConnectOptions): Connectors {
  const { config, log, counters, clock, random } = options;
  const secrets = createSecretReader(config.file, options.env);
  const brokers = config.mqtt.map((broker, i) => resolveBroker(config, broker, i, secrets));
  const nats = {
    config: config.nats,
    ...secrets.login(config.nats, 'nats'),
    ...secrets.secret('token', config.nats.token, 'nats.token'),
    ...secrets.file('credentials', config.nats.credentials, 'nats.credentials'),
  };
  const clickhouse = { config: config.clickhouse, ...resolveClickHouse(config, secrets) };
  // Messages that are buffered while intake is stopped add to the queues, so the buffer is not larger than a queue.
  const highWaterBytes = Math.min(HIGH_WATER_BYTES, config.clickhouse.queueBytes, config.nats.outboxBytes);
  if (secrets.problems.length > 0) throw new InvalidInput(secrets.problems);
  const { file, bucket } = config.attributes ?? {};
  return {
    createSource: (hadSession) =>
      createMqttSource({
        brokers: brokers.map((broker) => ({ ...broker, hadSession })),
        counters,
        clock,
        random,
        highWaterBytes,
        store: createSessionStore(config.data),
        onNotice: ({ level, message, ...rest }) => log[level](rest, message),
      }),
    tableSink: createClickHouseSink({ ...clickhouse, onViewSkipped: createViewReport(log, counters) }),
    eventSink: createNatsSink({ ...nats, onNotice: (text) => log.warn({ sink: 'nats' }, text) }),
    attributeSources: {
      ...(file !== undefined && { file: createAttributeFile({ file }) }),
      ...(bucket !== undefined && { bucket: createKvAttributes({ ...nats, bucket }) }),
    },
  };
}

/** Creates a function that counts every insert without a failed view, and logs each view once. */
function createViewReport(log: Logger, counters: Counters) {
  const logged = new Set<string>();
  return (view: string, reason: string): void => {
    counters.views_skipped += 1;
    if (logged.has(view)) return;
    logged.add(view);
    log.error(
      { view, reason },
      'a materialized view that does not belong to Weir fails: rows are inserted into their tables, but not into this view. Repair or drop the view',
    );
  };
}

/** Creates a reader and a sink for ClickHouse with the login of the config, which are not connected yet. Throws InvalidInput if a secret is missing. */
export function createTables({ config, env }: Pick<ConnectOptions, 'config' | 'env'>): {
  readonly reader: ClickHouseReader;
  readonly sink: TableSink;
} {
  const secrets = createSecretReader(config.file, env);
  const login = resolveClickHouse(config, secrets);
  if (secrets.problems.length > 0) throw new InvalidInput(secrets.problems);
  return {
    reader: createClickHouseReader(config.clickhouse.url, {
      ...login,
      requestTimeoutMs: config.clickhouse.requestTimeoutMs,
    }),
    sink: createClickHouseSink({ config: config.clickhouse, ...login }),
  };
}

function resolveClickHouse({ clickhouse }: Config, secrets: SecretReader) {
  const { tls } = clickhouse;
  const { ca, cert, key, ...rest } = tls ?? {};
  const place = 'clickhouse.tls';
  const files = {
    ...secrets.file('ca', ca, `${place}.ca`),
    ...secrets.file('cert', cert, `${place}.cert`),
    ...secrets.file('key', key, `${place}.key`),
  };
  return { ...secrets.login(clickhouse, 'clickhouse'), ...(tls !== undefined && { tls: { ...rest, ...files } }) };
}

function resolveBroker(config: Config, broker: BrokerConfig, index: number, secrets: SecretReader): ResolvedBroker {
  const place = `mqtt[${index}]`;
  const { tls = {} } = broker;
  return {
    config: broker,
    subscriptions: subscriptionsOf(config, broker),
    ...secrets.login(broker, place),
    ...secrets.file('ca', tls.ca, `${place}.tls.ca`),
    ...secrets.file('cert', tls.cert, `${place}.tls.cert`),
    ...secrets.file('key', tls.key, `${place}.tls.key`),
  };
}

type SecretReader = ReturnType<typeof createSecretReader>;

/** Creates the reader of secrets and certificates. It returns them as properties to spread, and collects the missing ones as problems. */
function createSecretReader(file: string, env: ConnectOptions['env']) {
  const problems: Problem[] = [];
  const readText = (path: string) => readFileSync(path, 'utf8');
  const take = <K extends string>(
    key: K,
    source: Secret | undefined,
    place: string,
  ): { readonly [P in K]?: string } => {
    if (source === undefined) return {};
    const found = resolveSecret(source, env, readText);
    if (found.ok) return { [key]: found.value } as { [P in K]: string };
    const message = `${place}: ${found.message}`;
    problems.push({
      code: 'missing-secret',
      severity: 'error',
      file,
      line: 0,
      column: 0,
      message,
      remedy: found.remedy,
    });
    return {};
  };
  return {
    problems,
    secret: take,
    file: <K extends string>(key: K, path: string | undefined, place: string) =>
      take(key, path === undefined ? undefined : { file: path }, place),
    login: ({ username, password }: { readonly username?: Secret; readonly password?: Secret }, place: string) => ({
      ...take('username', username, `${place}.username`),
      ...take('password', password, `${place}.password`),
    }),
  };
}
