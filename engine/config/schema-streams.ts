import { durationSchema, sizeSchema } from '../document/schema-values.ts';
import type { JsonSchema } from '../model/json-schema.ts';
import { DEFAULTS } from './defaults.ts';
import { pathSchema, placeSchema } from './schema-place.ts';

const DEFAULT = DEFAULTS.stream;

const fieldType = {
  title: '"number", "boolean" or "string"',
  type: 'string',
  enum: ['number', 'boolean', 'string'],
  description: 'Type of the field.',
} satisfies JsonSchema;

const field = {
  title: 'a type, or {"type": …}',
  anyOf: [
    fieldType,
    {
      title: '{"type": …}',
      type: 'object',
      required: ['type'],
      additionalProperties: false,
      properties: {
        type: fieldType,
        unit: {
          type: 'string',
          minLength: 1,
          maxLength: 32,
          description: 'Unit of the field, as a text for people.',
          examples: ['°C', 'kWh'],
        },
        path: { ...pathSchema, description: 'Path in the payload. Default: the name of the field.' },
      },
    },
  ],
  examples: ['number', { type: 'number', unit: '°C', path: 'data.t' }],
} satisfies JsonSchema;

const payloadText = { type: 'string', minLength: 1 } satisfies JsonSchema;

const words = (description: string, fallback: readonly string[]) =>
  ({
    title: 'a text or a list of texts',
    description,
    anyOf: [payloadText, { type: 'array', minItems: 1, uniqueItems: true, items: payloadText }],
    default: fallback,
  }) satisfies JsonSchema;

const limit = (description: string, maximum: number, fallback: number) =>
  ({ type: 'integer', minimum: 1, maximum, description, default: fallback }) satisfies JsonSchema;

const origin = {
  topic: {
    type: 'string',
    minLength: 1,
    description:
      'MQTT topic. {name} matches one level and gives it a name; + matches one level without a name; # at the end matches all following levels.',
    examples: ['plant/{site}/{device}/data'],
  },
  format: {
    type: 'string',
    enum: ['json', 'ndjson', 'plain', 'msgpack', 'cbor'],
    description: 'Format of the payloads. A plain payload is a single value, such as 23.4.',
    examples: ['json'],
  },
  qos: {
    title: '0, 1 or 2',
    type: 'integer',
    enum: [0, 1, 2],
    description: 'Quality of service of the subscription.',
    default: DEFAULT.qos,
  },
  broker: {
    type: 'string',
    minLength: 1,
    description: 'Name of the broker from which the stream comes. Default: every broker.',
    examples: ['plant'],
  },
} satisfies Record<string, JsonSchema>;

const content = {
  each: {
    ...pathSchema,
    description:
      'Path of a list whose elements are the readings. Other paths then start at the element, or at the message if they begin with "$.".',
    examples: ['readings'],
  },
  device: {
    ...placeSchema,
    description: 'Place of the device id. Default: {device} of the topic.',
    examples: ['device_id', { topic: 'device' }],
  },
  time: {
    type: 'object',
    title: 'a place and a unit {"path": …, "unit": …}',
    description: 'Timestamp of a reading. Default: the time at which it was received.',
    required: ['path', 'unit'],
    additionalProperties: false,
    properties: {
      path: { ...pathSchema, examples: ['ts'] },
      unit: {
        type: 'string',
        enum: ['s', 'ms', 'us', 'ns', 'iso8601'],
        description: 'Unit of the timestamp since 1970, or iso8601 for a text.',
        examples: ['ms'],
      },
    },
    examples: [{ path: 'ts', unit: 'ms' }],
  },
  sequence: {
    title: 'a path, or {"path": …, "modulus": …}',
    description:
      'Place of the sequence number that the device gives each reading. With it, each reading counts once, even if it comes in several messages. It needs `time`.',
    anyOf: [
      pathSchema,
      {
        title: '{"path": …, "modulus": …}',
        type: 'object',
        required: ['path'],
        additionalProperties: false,
        properties: {
          path: { ...pathSchema, examples: ['seq'] },
          modulus: {
            type: 'integer',
            minimum: 256,
            maximum: 4_294_967_296,
            description: 'Number at which the counter starts again at 0. Default: it never starts again.',
            examples: [65_536],
          },
        },
      },
    ],
    examples: ['seq', { path: 'seq', modulus: 65_536 }],
  },
  labels: {
    type: 'object',
    description:
      'Labels by which rules group readings, in addition to the placeholders of the topic: the name of each label, and the place of its value.',
    additionalProperties: {
      ...placeSchema,
      description: 'Place of the label.',
      examples: ['meta.room', { topic: 'site' }],
    },
    examples: [{ room: 'meta.room' }],
  },
  fields: {
    type: 'object',
    minProperties: 1,
    description:
      'The fields that rules and tables use: the name of each field, and its type. Each field becomes a column.',
    additionalProperties: { ...field, description: 'Type of the field, or its type, unit and path.' },
    examples: [{ temp: { type: 'number', unit: '°C', path: 'data.t' }, humidity: 'number' }],
  },
  undeclared: {
    type: 'string',
    enum: ['keep', 'ignore', 'reject'],
    description:
      'How fields that are not declared are handled. keep: they are stored in the column extra. ignore: they are ignored and counted. reject: the reading is rejected.',
    default: DEFAULT.undeclared,
  },
  coerce: {
    type: 'boolean',
    description:
      'Whether to convert "23.4" to a number, and "on", "false" or 1 to a boolean. For plain payloads, this is always done.',
    default: DEFAULT.coerce,
  },
} satisfies Record<string, JsonSchema>;

const lifecycle = {
  status: {
    type: 'object',
    description: 'Last will or status topic of each device. It reports at once that a device is offline.',
    required: ['topic'],
    additionalProperties: false,
    properties: {
      topic: { ...origin.topic, examples: ['plant/{site}/{device}/status'] },
      offline: words('Payloads that mean that the device is offline.', DEFAULT.offline),
      online: words('Payloads that mean that the device is online.', DEFAULT.online),
    },
    examples: [{ topic: 'plant/{site}/{device}/status' }],
  },
  limits: {
    type: 'object',
    description:
      'Limits that protect other messages and the memory. Messages and readings above them are rejected. Readings of devices and keys above them are stored but not evaluated.',
    additionalProperties: false,
    properties: {
      bytes: { ...sizeSchema, description: 'Size of a message, at most 256 MB.', default: DEFAULT.limits.bytes },
      depth: limit('Levels of nesting of a message.', 100, DEFAULT.limits.depth),
      fields: limit('Number of fields of a reading.', 10_000, DEFAULT.limits.fields),
      readings: limit('Number of readings of a message.', 100_000, DEFAULT.limits.readings),
      devices: limit(
        'Number of devices whose state is kept. Readings of further devices are stored, but no rule evaluates them.',
        10_000_000,
        DEFAULT.limits.devices,
      ),
      keys: limit(
        'Number of keys whose state is kept, for each way in which rules group readings (`per`). Readings of further keys are not evaluated by those rules.',
        10_000_000,
        DEFAULT.limits.keys,
      ),
    },
  },
  forget: {
    ...durationSchema,
    description:
      'A device that sends nothing for so long leaves the memory, and so does a group of devices: its open alerts are resolved with the reason `forgotten`. Time in which Weir was not connected does not count. A device is kept at least twice as long as any rule of the stream waits for it.',
    default: DEFAULT.forget,
    examples: ['7d'],
  },
  retain: {
    title: 'a number of days',
    type: 'string',
    pattern: '^[1-9]\\d{0,4}d$',
    patternErrorMessage: 'Write whole days, like "30d".',
    patternBounds: { form: '^\\d+d$', range: 'Write a value from "1d" to "99999d".' },
    description: 'How long the table keeps rows, in whole days. Default: without limit.',
    examples: ['30d', '365d'],
  },
} satisfies Record<string, JsonSchema>;

/** Schema of one entry of `streams`. */
export const streamSchema = {
  type: 'object',
  description: 'A stream: the messages of one kind of device, and the table that stores them.',
  required: ['topic', 'format', 'fields'],
  additionalProperties: false,
  properties: { ...origin, ...content, ...lifecycle },
} satisfies JsonSchema;
