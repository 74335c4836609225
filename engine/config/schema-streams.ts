import { sizeSchema } from '../document/schema-values.ts';
import type { JsonSchema } from '../model/json-schema.ts';
import { DEFAULTS } from './defaults.ts';

const DEFAULT = DEFAULTS.stream;

const path = {
  title: 'a path',
  type: 'string',
  pattern: '^(\\$\\.)?[^.]+(\\.[^.]+)*$',
  patternErrorMessage: 'Write keys and indexes with dots between them, like "meta.room" or "values.0.temp".',
  description: 'Where it stands in the payload: keys and indexes with dots between.',
  examples: ['data.t', 'values.0.temp'],
} satisfies JsonSchema;

const placeForms = [
  path,
  {
    title: '{"path": …}',
    type: 'object',
    description: 'In the payload.',
    required: ['path'],
    additionalProperties: false,
    properties: { path },
  },
  {
    title: '{"topic": …}',
    type: 'object',
    description: 'In the topic.',
    required: ['topic'],
    additionalProperties: false,
    properties: {
      topic: {
        type: 'string',
        minLength: 1,
        description: 'A placeholder of the topic, without its braces.',
        examples: ['device'],
      },
    },
  },
] satisfies readonly JsonSchema[];

const place = { title: 'a path, {"path": …} or {"topic": …}', anyOf: placeForms } satisfies JsonSchema;

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
          description: 'Unit, as people read it.',
          examples: ['°C', 'kWh'],
        },
        path: { ...path, description: 'Where it stands in the payload. Default: its own name.' },
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
      'MQTT topic. {name} takes one level and gives it a name, + one without a name, a last # all that follow.',
    examples: ['plant/{site}/{device}/data'],
  },
  format: {
    type: 'string',
    enum: ['json', 'ndjson', 'plain', 'msgpack', 'cbor'],
    description: 'How payloads are written. plain is one bare value, such as 23.4.',
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
    description: 'Name of the only broker to take it from. Default: every broker.',
    examples: ['plant'],
  },
} satisfies Record<string, JsonSchema>;

const content = {
  each: {
    ...path,
    description:
      'Path of the list whose elements are the readings; paths then start at the element, and "$." at the message.',
    examples: ['readings'],
  },
  device: {
    ...place,
    description: 'Where the device id stands. Default: {device} of the topic.',
    examples: ['device_id', { topic: 'device' }],
  },
  time: {
    type: 'object',
    title: 'a place and a unit {"path": …, "unit": …}',
    description: 'When a reading was taken. Default: when it was received.',
    required: ['path', 'unit'],
    additionalProperties: false,
    properties: {
      path: { ...path, examples: ['ts'] },
      unit: {
        type: 'string',
        enum: ['s', 'ms', 'us', 'ns', 'iso8601'],
        description: 'Unit of the stamp, counted from 1970; or ISO 8601 text.',
        examples: ['ms'],
      },
    },
    examples: [{ path: 'ts', unit: 'ms' }],
  },
  sequence: {
    title: 'a path, or {"path": …, "modulus": …}',
    description:
      'Where a reading has the number that its device counts it by: then each counts once, by whatever way it comes. Needs `time`.',
    anyOf: [
      path,
      {
        title: '{"path": …, "modulus": …}',
        type: 'object',
        required: ['path'],
        additionalProperties: false,
        properties: {
          path: { ...path, examples: ['seq'] },
          modulus: {
            type: 'integer',
            minimum: 256,
            maximum: 4_294_967_296,
            description: 'Where the counter begins again at 0. Default: it never does.',
            examples: [65_536],
          },
        },
      },
    ],
    examples: ['seq', { path: 'seq', modulus: 65_536 }],
  },
  labels: {
    type: 'object',
    description: "What rules group readings by, besides the topic's placeholders: a name, and where its value stands.",
    additionalProperties: {
      ...place,
      description: 'Where the label stands.',
      examples: ['meta.room', { topic: 'site' }],
    },
    examples: [{ room: 'meta.room' }],
  },
  fields: {
    type: 'object',
    minProperties: 1,
    description: 'The values that rules and tables know by name: a name, and its type. Each becomes a column.',
    additionalProperties: { ...field, description: 'A type, or the type with unit and path.' },
    examples: [{ temp: { type: 'number', unit: '°C', path: 'data.t' }, humidity: 'number' }],
  },
  undeclared: {
    type: 'string',
    enum: ['keep', 'ignore', 'reject'],
    description:
      'What happens to fields not declared: kept in the column extra, ignored and counted, or the reading is rejected.',
    default: DEFAULT.undeclared,
  },
  coerce: {
    type: 'boolean',
    description: 'Takes "23.4" for a number and "on", "false" or 1 for a boolean. Always so for plain.',
    default: DEFAULT.coerce,
  },
} satisfies Record<string, JsonSchema>;

const upkeep = {
  status: {
    type: 'object',
    description: "A device's last will or status topic: what tells at once that a device is gone.",
    required: ['topic'],
    additionalProperties: false,
    properties: {
      topic: { ...origin.topic, examples: ['plant/{site}/{device}/status'] },
      offline: words('Payloads that mean: offline.', DEFAULT.offline),
      online: words('Payloads that mean: online.', DEFAULT.online),
    },
    examples: [{ topic: 'plant/{site}/{device}/status' }],
  },
  limits: {
    type: 'object',
    description:
      'Messages and readings above these are rejected, so that no message can hold up the others. Devices and keys above them are stored but not judged, so that memory suffices.',
    additionalProperties: false,
    properties: {
      bytes: { ...sizeSchema, description: 'Size of a message; 256 MB at most.', default: DEFAULT.limits.bytes },
      depth: limit('Levels of nesting.', 100, DEFAULT.limits.depth),
      fields: limit('Fields of one reading.', 10_000, DEFAULT.limits.fields),
      readings: limit('Readings of one message.', 100_000, DEFAULT.limits.readings),
      devices: limit(
        'Devices that are remembered. Readings of further ones are stored, and no rule looks at them.',
        10_000_000,
        DEFAULT.limits.devices,
      ),
      keys: limit(
        'Keys that are remembered for each way in which rules group the readings (their `per`). Such rules do not look at readings of further keys.',
        10_000_000,
        DEFAULT.limits.keys,
      ),
    },
  },
  retain: {
    title: 'a number of days',
    type: 'string',
    pattern: '^[1-9]\\d{0,4}d$',
    patternErrorMessage: 'Write whole days, like "30d".',
    patternBounds: { form: '^\\d+d$', range: 'Between "1d" and "99999d".' },
    description: 'How long the table keeps rows; whole days. Default: for ever.',
    examples: ['30d', '365d'],
  },
} satisfies Record<string, JsonSchema>;

/** Schema of one entry of `streams`. */
export const streamSchema = {
  type: 'object',
  description: 'A stream: what one kind of device sends, and the table it is kept in.',
  required: ['topic', 'format', 'fields'],
  additionalProperties: false,
  properties: { ...origin, ...content, ...upkeep },
} satisfies JsonSchema;
