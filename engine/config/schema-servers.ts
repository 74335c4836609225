import { durationSchema, sizeSchema } from '../document/schema-values.ts';
import type { JsonSchema } from '../model/json-schema.ts';
import { DEFAULTS } from './defaults.ts';

const text = (description: string, example: string) =>
  ({ type: 'string', minLength: 1, description, examples: [example] }) satisfies JsonSchema;

const integer = (description: string, minimum: number, maximum: number, fallback: number) =>
  ({ type: 'integer', minimum, maximum, description, default: fallback }) satisfies JsonSchema;

const object = (description: string, required: readonly string[], properties: Readonly<Record<string, JsonSchema>>) =>
  ({ type: 'object', description, required, additionalProperties: false, properties }) satisfies JsonSchema;

const source = (key: string, title: string, description: string, example: string) =>
  ({ title, ...object(description, [key], { [key]: text(description, example) }) }) satisfies JsonSchema;

const secret = (description: string) =>
  ({
    title: 'a text, {"env": …} or {"file": …}',
    description,
    anyOf: [
      {
        title: 'a text',
        type: 'string',
        minLength: 1,
        writeOnly: true,
        description: 'The secret itself; better kept out of this file.',
      },
      source('env', 'an environment variable', 'Name of the environment variable that holds it.', 'WEIR_PASSWORD'),
      source(
        'file',
        'a file',
        'File that holds it; a relative path starts at the config file.',
        '/run/secrets/password',
      ),
    ],
    examples: [{ env: 'WEIR_PASSWORD' }, { file: '/run/secrets/password' }],
  }) satisfies JsonSchema;

const login = {
  username: secret('User name.'),
  password: secret('Password. Keep it in the environment or in a file.'),
};

const tls = object('How to make the connection secure. Relative paths start at the config file.', [], {
  ca: text('PEM file of the certificate authority that signed the server.', './certs/ca.pem'),
  cert: text('PEM file of our own certificate.', './certs/weir.pem'),
  key: text('PEM file of our own private key.', './certs/weir.key'),
  servername: text('Name that the server must prove to have; default: the host of the URL.', 'broker.example.com'),
  verify: { type: 'boolean', description: 'Accepts any server when false, so anyone can pose as it.', default: true },
});

const qos = {
  title: '0, 1 or 2',
  type: 'integer',
  enum: [0, 1, 2],
  description: 'Quality of service; only from 1 on does the broker send again what we have not stored yet.',
  default: DEFAULTS.mqtt.qos,
} satisfies JsonSchema;

const filter = text('MQTT topic filter.', 'plant/#');

/** Schema of one broker of `mqtt`. */
export const brokerSchema = {
  title: 'a broker { "url": … }',
  ...object('An MQTT broker that messages come from.', ['url'], {
    url: text('Where it listens: mqtt:// or mqtts://, host and port.', 'mqtt://mosquitto:1883'),
    name: { ...text('What streams, logs and metrics call it.', 'plant'), default: DEFAULTS.mqtt.name },
    clientId: {
      title: 'a client id',
      type: 'string',
      pattern: '^[A-Za-z0-9_.:-]{1,128}$',
      patternErrorMessage: 'Use 1 to 128 letters, digits and _ . : -',
      description: 'Under this name the broker keeps our session while Weir is away; never change it lightly.',
      default: DEFAULTS.mqtt.clientId,
    },
    ...login,
    tls,
    version: {
      title: '5 or "3.1.1"',
      enum: [5, '3.1.1'],
      description: 'MQTT version; 5 falls back to 3.1.1 where the broker refuses it.',
      default: DEFAULTS.mqtt.version,
    },
    subscribe: {
      type: 'array',
      minItems: 1,
      description: 'Topic filters to subscribe to. Default: those that the streams need.',
      examples: [['plant/#']],
      items: {
        title: 'a topic filter',
        anyOf: [filter, object('A filter with its quality of service.', ['filter'], { filter, qos })],
      },
    },
    receiveMaximum: integer(
      'Messages that the broker may have under way to us.',
      1,
      // What it delivers again is known among twice as many: see decode/redelivery.ts.
      16_000,
      DEFAULTS.mqtt.receiveMaximum,
    ),
    keepalive: {
      ...durationSchema,
      description: 'How often we show that we live; whole seconds.',
      default: DEFAULTS.mqtt.keepalive,
    },
    sessionExpiry: {
      ...durationSchema,
      description: 'How long the broker keeps our session while Weir is away; whole seconds.',
      default: DEFAULTS.mqtt.sessionExpiry,
    },
    statusTopic: text(
      "Topic of Weir's own online and offline message. Default: weir/<clientId>/status.",
      'weir/plant/status',
    ),
  }),
} satisfies JsonSchema;

const server = text(
  'Where a server listens: nats:// or tls://, host and port, and no login. With tls://, nothing is sent without TLS.',
  'nats://nats:4222',
);

/** Schema of `nats`. */
export const natsSchema = object('The NATS servers that events go to.', ['servers'], {
  servers: {
    title: 'a URL or a list of URLs',
    description: 'One server, or several of a cluster.',
    anyOf: [server, { type: 'array', minItems: 1, uniqueItems: true, items: server }],
    examples: ['nats://nats:4222'],
  },
  ...login,
  token: secret('Token, in place of user name and password.'),
  credentials: text('A .creds file, in place of user name and password.', './weir.creds'),
  tls,
  outbox: {
    ...sizeSchema,
    description: 'Events that may wait for the servers before intake stops.',
    default: DEFAULTS.nats.outbox,
  },
});

/** Schema of `clickhouse`. */
export const clickhouseSchema = object('The ClickHouse server that tables are kept in.', ['url'], {
  url: text('Where its HTTP interface listens: http:// or https://, host and port.', 'http://clickhouse:8123'),
  database: {
    title: 'a name',
    type: 'string',
    pattern: '^[A-Za-z_][A-Za-z0-9_]{0,63}$',
    patternErrorMessage: 'Use letters, digits and _, at most 64, no digit first.',
    description: 'Database of all tables; made where it is missing.',
    default: DEFAULTS.clickhouse.database,
  },
  ...login,
  tls,
  batch: object('When rows are sent: at whichever of these comes first.', [], {
    rows: integer('Rows.', 1, 1_000_000, DEFAULTS.clickhouse.batch.rows),
    bytes: { ...sizeSchema, description: 'Bytes; 10 MB at most.', default: DEFAULTS.clickhouse.batch.bytes },
    age: {
      ...durationSchema,
      description: 'Age of the oldest row; 1h at most.',
      default: DEFAULTS.clickhouse.batch.age,
    },
  }),
  queue: {
    ...sizeSchema,
    description: 'Batches that may wait for the server before intake stops.',
    default: DEFAULTS.clickhouse.queue,
  },
  concurrency: integer('Inserts under way at once, for each table.', 1, 64, DEFAULTS.clickhouse.concurrency),
  requestTimeout: {
    ...durationSchema,
    description: 'How long one insert may take before it is tried again.',
    default: DEFAULTS.clickhouse.requestTimeout,
  },
});

/** Schemas of what stays at home: health and metrics, log, journal. */
export const localSchemas = {
  http: object('Where health, readiness and metrics are served.', [], {
    host: { ...text('Address to listen on; 0.0.0.0 for all.', '0.0.0.0'), default: DEFAULTS.http.host },
    port: integer('Port to listen on; 0 lets the system choose.', 0, 65_535, DEFAULTS.http.port),
  }),
  log: object('What Weir says about itself.', [], {
    level: {
      type: 'string',
      enum: ['trace', 'debug', 'info', 'warn', 'error'],
      description: 'The least important kind of line that is still written.',
      default: DEFAULTS.log.level,
    },
  }),
  journal: object('The record of every message, from which Weir recovers.', [], {
    maxBytes: {
      ...sizeSchema,
      description: 'How large it may grow before Weir stops acknowledging; 16 MiB at least.',
      default: DEFAULTS.journal.maxBytes,
    },
    minFree: {
      ...sizeSchema,
      description: 'How much of its disk must stay free; with less, Weir stops acknowledging.',
      default: DEFAULTS.journal.minFree,
    },
  }),
  maxAhead: {
    ...durationSchema,
    description: 'A reading stamped further ahead than this is stamped with its receive time instead.',
    default: DEFAULTS.maxAhead,
  },
} satisfies Record<string, JsonSchema>;
