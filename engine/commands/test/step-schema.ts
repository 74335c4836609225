import type { JsonSchema } from '../../model/json-schema.ts';
import { distanceSchema, instantSchema, laterSchema } from './schema-instant.ts';

const scalar = {
  title: 'a number, a text, true, false or null',
  anyOf: [{ type: 'number' }, { type: 'string' }, { type: 'boolean' }, { type: 'null' }],
} satisfies JsonSchema;

const series = {
  title: '{"from": 1, "by": 1}',
  type: 'object',
  description: 'A value that increases with each reading.',
  required: ['from', 'by'],
  additionalProperties: false,
  properties: {
    from: { type: 'number', description: 'The first value.', examples: [1] },
    by: { type: 'number', description: 'The difference to the previous value.', examples: [1] },
  },
} satisfies JsonSchema;

const value = {
  title: 'a value, a list of values, or {"from": 1, "by": 1}',
  description: 'Value of a field or label; null for no value. A list has one value for each of several readings.',
  anyOf: [...scalar.anyOf, { type: 'array', minItems: 1, items: scalar }, series],
  examples: [20],
} satisfies JsonSchema;

const name = (description: string): JsonSchema => ({ type: 'string', minLength: 1, description, examples: ['d1'] });

const at = { ...instantSchema, description: 'When it happens.' } satisfies JsonSchema;
const stream = name('The stream. Default: that of the first rule.');

function form(
  title: string,
  description: string,
  required: readonly string[],
  properties: NonNullable<JsonSchema['properties']>,
) {
  const type = 'object';
  return { title, type, description, required, additionalProperties: false, properties } satisfies JsonSchema;
}

const reading = {
  title: 'a reading {"at": "0s", "temp": 20}',
  type: 'object',
  description: 'One or several readings. Fields and labels are keys of the same object.',
  required: ['at'],
  additionalProperties: value,
  properties: {
    at: {
      ...instantSchema,
      description: 'Its timestamp, by the clock of the device; for several readings, that of the first one.',
    },
    received: {
      ...laterSchema,
      description: 'When it arrives, or how long after its timestamp. Default: at its timestamp.',
    },
    device: {
      ...value,
      title: 'a device, or a list of devices',
      description: 'The device that sends it. Default: d1.',
    },
    stream,
    fields: {
      type: 'object',
      additionalProperties: value,
      description: 'Fields and labels that have the name of a key of this object.',
      examples: [{ at: 20 }],
    },
    every: { ...distanceSchema, description: 'For several readings: the time between two of them.' },
    times: {
      type: 'integer',
      minimum: 1,
      maximum: 100_000,
      description: 'Number of readings, if no list determines it.',
    },
  },
} satisfies JsonSchema;

/** Schema of a step of a case. */
export const stepSchema = {
  title:
    'a step: a reading {"at": "0s", "temp": 20}, {"tick": …}, {"offline": …}, {"online": …}, {"broker": …}, {"weir": …}, {"clock": …} or {"attributes": …}',
  description: 'Something that happens.',
  anyOf: [
    form('{"tick": …}', 'An additional tick between full seconds.', ['tick'], { tick: at }),
    form('{"offline": …}', 'The last will of a device.', ['offline', 'at'], {
      offline: name('The device.'),
      at,
      stream,
    }),
    form('{"online": …}', 'The birth message of a device.', ['online', 'at'], {
      online: name('The device.'),
      at,
      stream,
    }),
    form('{"broker": …}', 'The connection of Weir to the broker.', ['broker', 'at'], {
      broker: {
        type: 'string',
        enum: ['lost', 'back', 'session-lost'],
        description: 'The connection is lost, it is back, or the broker has lost the session.',
        examples: ['lost'],
      },
      at,
    }),
    form('{"weir": …}', 'Weir itself.', ['weir', 'at'], {
      weir: {
        type: 'string',
        enum: ['stops', 'starts'],
        description: 'Weir stops, and has no more ticks, or it starts again and connects.',
        examples: ['stops'],
      },
      at,
    }),
    form('{"clock": …}', 'The clock of Weir is set; later steps use the new time.', ['clock', 'at'], {
      clock: { ...instantSchema, description: 'The new time.' },
      at,
    }),
    form('{"attributes": …}', 'Attributes of devices change.', ['attributes'], {
      attributes: {
        type: 'object',
        minProperties: 1,
        description: 'For each device, all its attributes from now on, or null for none.',
        additionalProperties: {
          title: 'an object, or null',
          anyOf: [
            { title: 'an object', type: 'object' },
            { title: 'null', type: 'null' },
          ],
        },
        examples: [{ d1: { limits: { temp: 70 } } }],
      },
      at: { ...instantSchema, description: 'When they change.', default: '0s' },
    }),
    reading,
  ],
  examples: [{ at: '0s', temp: 20 }],
} satisfies JsonSchema;
