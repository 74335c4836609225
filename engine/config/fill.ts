import { isAbsolute, join, normalize } from 'node:path';
import { parseBytes } from '../model/bytes.ts';
import type {
  AttributesConfig,
  BrokerConfig,
  ClickHouseConfig,
  Config,
  NatsConfig,
  Secret,
  TlsConfig,
} from '../model/config.ts';
import { durationOf } from '../model/duration.ts';
import type { BrokerEntry, ClickHouseEntry, ConfigFile, NatsEntry } from './config-file.ts';
import { DEFAULTS } from './defaults.ts';
import { fillStream } from './fill-stream.ts';

/** Makes the config from a file without faults: it fills in defaults, converts texts to numbers, and resolves paths against `folder`. */
export function fillConfig(name: string, folder: string, file: ConfigFile): Config {
  const resolve = (path: string) => (isAbsolute(path) ? normalize(path) : join(folder, path));
  const brokers = Array.isArray(file.mqtt) ? (file.mqtt as readonly BrokerEntry[]) : [file.mqtt as BrokerEntry];
  return {
    file: name,
    data: resolve(file.data ?? DEFAULTS.data),
    rules: resolve(file.rules ?? DEFAULTS.rules),
    mqtt: brokers.map((entry) => fillBroker(entry, resolve)),
    streams: Object.entries(file.streams).map(([stream, entry]) => fillStream(stream, entry)),
    nats: fillNats(file.nats, resolve),
    clickhouse: fillClickHouse(file.clickhouse, resolve),
    http: { ...DEFAULTS.http, ...file.http },
    log: { ...DEFAULTS.log, ...file.log },
    journal: {
      maxBytes: bytes(file.journal?.maxBytes ?? DEFAULTS.journal.maxBytes),
      minFreeBytes: bytes(file.journal?.minFree ?? DEFAULTS.journal.minFree),
    },
    maxAheadMs: durationOf(file.maxAhead ?? DEFAULTS.maxAhead),
    ...(file.attributes === undefined ? {} : { attributes: fillAttributes(file.attributes, resolve) }),
  };
}

type Resolve = (path: string) => string;

const seconds = (text: string): number => durationOf(text) / 1_000;
const bytes = (size: number | string): number => parseBytes(size) as number;

function fillAttributes({ file, ...rest }: AttributesConfig, resolve: Resolve): AttributesConfig {
  return { ...rest, ...(file === undefined ? {} : { file: resolve(file) }) };
}

function fillBroker(entry: BrokerEntry, resolve: Resolve): BrokerConfig {
  const { name = DEFAULTS.mqtt.name, clientId = DEFAULTS.mqtt.clientId, version = DEFAULTS.mqtt.version } = entry;
  const subscribe = entry.subscribe?.map((one) => {
    const given = typeof one === 'string' ? { filter: one } : one;
    return { qos: DEFAULTS.mqtt.qos, ...given };
  });
  return {
    name,
    url: entry.url,
    clientId,
    version,
    receiveMaximum: entry.receiveMaximum ?? DEFAULTS.mqtt.receiveMaximum,
    keepalive: seconds(entry.keepalive ?? DEFAULTS.mqtt.keepalive),
    sessionExpiry: seconds(entry.sessionExpiry ?? DEFAULTS.mqtt.sessionExpiry),
    statusTopic: entry.statusTopic ?? `weir/${clientId}/status`,
    ...fillLogin(entry, resolve),
    ...(subscribe === undefined ? {} : { subscribe }),
  };
}

function fillNats(entry: NatsEntry, resolve: Resolve): NatsConfig {
  return {
    servers: typeof entry.servers === 'string' ? [entry.servers] : entry.servers,
    outboxBytes: bytes(entry.outbox ?? DEFAULTS.nats.outbox),
    ...fillLogin(entry, resolve),
    ...(entry.token === undefined ? {} : { token: fillSecret(entry.token, resolve) }),
    ...(entry.credentials === undefined ? {} : { credentials: resolve(entry.credentials) }),
  };
}

function fillClickHouse(entry: ClickHouseEntry, resolve: Resolve): ClickHouseConfig {
  const batch = { ...DEFAULTS.clickhouse.batch, ...entry.batch };
  return {
    url: entry.url,
    database: entry.database ?? DEFAULTS.clickhouse.database,
    batch: { rows: batch.rows, bytes: bytes(batch.bytes), ageMs: durationOf(batch.age) },
    queueBytes: bytes(entry.queue ?? DEFAULTS.clickhouse.queue),
    concurrency: entry.concurrency ?? DEFAULTS.clickhouse.concurrency,
    requestTimeoutMs: durationOf(entry.requestTimeout ?? DEFAULTS.clickhouse.requestTimeout),
    ...fillLogin(entry, resolve),
  };
}

interface Login {
  readonly username?: Secret;
  readonly password?: Secret;
  readonly tls?: TlsConfig;
}

function fillLogin({ username, password, tls }: Login, resolve: Resolve): Login {
  return {
    ...(username === undefined ? {} : { username: fillSecret(username, resolve) }),
    ...(password === undefined ? {} : { password: fillSecret(password, resolve) }),
    ...(tls === undefined ? {} : { tls: fillTls(tls, resolve) }),
  };
}

function fillSecret(secret: Secret, resolve: Resolve): Secret {
  return typeof secret === 'object' && 'file' in secret ? { file: resolve(secret.file) } : secret;
}

function fillTls({ ca, cert, key, ...rest }: TlsConfig, resolve: Resolve): TlsConfig {
  return {
    verify: true,
    ...rest,
    ...(ca === undefined ? {} : { ca: resolve(ca) }),
    ...(cert === undefined ? {} : { cert: resolve(cert) }),
    ...(key === undefined ? {} : { key: resolve(key) }),
  };
}
