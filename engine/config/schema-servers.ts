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
        description: 'The secret itself. It is safer outside of this file.',
      },
      source('env', 'an environment variable', 'Name of the environment variable with the secret.', 'WEIR_PASSWORD'),
      source(
        'file',
        'a file',
        'File with the secret. A relative path starts at the config file.',
        '/run/secrets/password',
      ),
    ],
    examples: [{ env: 'WEIR_PASSWORD' }, { file: '/run/secrets/password' }],
  }) satisfies JsonSchema;

const login = {
  username: secret('User name.'),
  password: secret('Password. It is safer in the environment or in a file.'),
};

const tls = object('Settings for TLS. Relative paths start at the config file.', [], {
  ca: text('PEM file of the certificate authority of the server.', './certs/ca.pem'),
  cert: text('PEM file of the client certificate of Weir.', './certs/weir.pem'),
  key: text('PEM file of the private key of Weir.', './certs/weir.key'),
  servername: text(
    'Name that the certificate of the server must have. Default: the host of the URL.',
    'broker.example.com',
  ),
  verify: {
    type: 'boolean',
    description: 'If false, any server is accepted, so an attacker can pretend to be the server.',
    default: true,
  },
});

const qos = {
  title: '0, 1 or 2',
  type: 'integer',
  enum: [0, 1, 2],
  description: 'Quality of service. With 1 or 2, the broker sends a message again until Weir has stored it.',
  default: DEFAULTS.mqtt.qos,
} satisfies JsonSchema;

const filter = text('MQTT topic filter.', 'plant/#');

/** Schema of one broker of `mqtt`. */
export const brokerSchema = {
  title: 'a broker { "url": … }',
  ...object('An MQTT broker from which messages come.', ['url'], {
    url: text('URL of the broker: mqtt:// or mqtts://, host and port.', 'mqtt://mosquitto:1883'),
    name: { ...text('Name of the broker in streams, logs and metrics.', 'plant'), default: DEFAULTS.mqtt.name },
    clientId: {
      title: 'a client id',
      type: 'string',
      pattern: '^[A-Za-z0-9_.:-]{1,128}$',
      patternErrorMessage: 'Use 1 to 128 letters, digits and _ . : -',
      description:
        'Client id, under which the broker keeps the session of Weir while Weir is not connected. With a new client id, Weir does not get the messages of the old session.',
      default: DEFAULTS.mqtt.clientId,
    },
    ...login,
    tls,
    version: {
      title: '5 or "3.1.1"',
      enum: [5, '3.1.1'],
      description: 'MQTT version. With 5, Weir uses 3.1.1 if the broker refuses 5.',
      default: DEFAULTS.mqtt.version,
    },
    subscribe: {
      type: 'array',
      minItems: 1,
      description: 'Topic filters to subscribe to. Default: the filters that the streams need.',
      examples: [['plant/#']],
      items: {
        title: 'a topic filter',
        anyOf: [filter, object('A filter and its quality of service.', ['filter'], { filter, qos })],
      },
    },
    receiveMaximum: integer(
      'How many messages the broker may send before they are acknowledged.',
      1,
      // decode/redelivery.ts remembers twice as many messages to find those that are delivered again.
      16_000,
      DEFAULTS.mqtt.receiveMaximum,
    ),
    keepalive: {
      ...durationSchema,
      description: 'Interval of MQTT keepalive, in whole seconds.',
      default: DEFAULTS.mqtt.keepalive,
    },
    sessionExpiry: {
      ...durationSchema,
      description: 'How long the broker keeps the session while Weir is not connected, in whole seconds.',
      default: DEFAULTS.mqtt.sessionExpiry,
    },
    statusTopic: text(
      'Topic to which Weir publishes that it is online or offline. Default: weir/<clientId>/status.',
      'weir/plant/status',
    ),
  }),
} satisfies JsonSchema;

const server = text(
  'URL of a server: nats:// or tls://, host and port, without a login. With tls://, nothing is sent without TLS.',
  'nats://nats:4222',
);

/** Schema of `nats`. */
export const natsSchema = object('The NATS servers to which events are published.', ['servers'], {
  servers: {
    title: 'a URL or a list of URLs',
    description: 'URL of one server, or URLs of the servers of a cluster.',
    anyOf: [server, { type: 'array', minItems: 1, uniqueItems: true, items: server }],
    examples: ['nats://nats:4222'],
  },
  ...login,
  token: secret('Token, instead of user name and password.'),
  credentials: text('A .creds file, instead of user name and password.', './weir.creds'),
  tls,
  outbox: {
    ...sizeSchema,
    description:
      'Size of the events that may wait for the servers in memory. From half of it on, more events wait on the disk.',
    default: DEFAULTS.nats.outbox,
  },
});

/** Schema of `clickhouse`. */
export const clickhouseSchema = object('The ClickHouse server that has the tables.', ['url'], {
  url: text('URL of its HTTP interface: http:// or https://, host and port.', 'http://clickhouse:8123'),
  database: {
    title: 'a name',
    type: 'string',
    pattern: '^[A-Za-z_][A-Za-z0-9_]{0,63}$',
    patternErrorMessage: 'Use at most 64 letters, digits and _, and no digit first.',
    description: 'Database of all tables. It is created if it is missing.',
    default: DEFAULTS.clickhouse.database,
  },
  ...login,
  tls,
  batch: object('When a batch of rows is sent: at the first of these limits that it reaches.', [], {
    rows: integer('Number of rows.', 1, 1_000_000, DEFAULTS.clickhouse.batch.rows),
    bytes: {
      ...sizeSchema,
      description: 'Size of the batch, at most 10 MB.',
      default: DEFAULTS.clickhouse.batch.bytes,
    },
    age: {
      ...durationSchema,
      description: 'Age of the oldest row, at most 1h.',
      default: DEFAULTS.clickhouse.batch.age,
    },
  }),
  queue: {
    ...sizeSchema,
    description: 'Size of the batches that may wait for the server. When it is reached, intake stops.',
    default: DEFAULTS.clickhouse.queue,
  },
  concurrency: integer(
    'How many inserts may run at the same time, for each table.',
    1,
    64,
    DEFAULTS.clickhouse.concurrency,
  ),
  requestTimeout: {
    ...durationSchema,
    description: 'How long one insert may take before it is tried again.',
    default: DEFAULTS.clickhouse.requestTimeout,
  },
});

/** Schemas of the keys that concern only Weir itself: health and metrics, log, journal, `maxAhead`. */
export const localSchemas = {
  http: object('Address of the HTTP server for health, readiness and metrics.', [], {
    host: { ...text('Address to listen on; 0.0.0.0 means all addresses.', '0.0.0.0'), default: DEFAULTS.http.host },
    port: integer('Port to listen on; with 0, the system chooses a port.', 0, 65_535, DEFAULTS.http.port),
  }),
  log: object('The log of Weir.', [], {
    level: {
      type: 'string',
      enum: ['trace', 'debug', 'info', 'warn', 'error'],
      description: 'The least important level that is written.',
      default: DEFAULTS.log.level,
    },
  }),
  journal: object('The journal of all messages, from which Weir recovers.', [], {
    maxBytes: {
      ...sizeSchema,
      description:
        'Maximum size of the journal, at least 16 MiB. When it is reached, Weir stops acknowledging messages.',
      default: DEFAULTS.journal.maxBytes,
    },
    minFree: {
      ...sizeSchema,
      description: 'Minimum free space of its disk. With less, Weir stops acknowledging messages.',
      default: DEFAULTS.journal.minFree,
    },
  }),
  maxAhead: {
    ...durationSchema,
    description:
      'How far ahead of the receive time a timestamp may be. If it is further ahead, the reading gets its receive time instead.',
    default: DEFAULTS.maxAhead,
  },
} satisfies Record<string, JsonSchema>;
