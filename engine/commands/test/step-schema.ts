import type { JsonSchema } from '../../model/json-schema.ts';
import { distanceSchema, instantSchema, laterSchema } from './schema-instant.ts';

const scalar = {
  title: 'a number, a text, true, false or null',
  anyOf: [{ type: 'number' }, { type: 'string' }, { type: 'boolean' }, { type: 'null' }],
} satisfies JsonSchema;

const series = {
  title: '{"from": 1, "by": 1}',
  type: 'object',
  description: 'A value that rises with each reading.',
  required: ['from', 'by'],
  additionalProperties: false,
  properties: {
    from: { type: 'number', description: 'The first value.', examples: [1] },
    by: { type: 'number', description: 'What each is above the one before.', examples: [1] },
  },
} satisfies JsonSchema;

const value = {
  title: 'a value, a list of values, or {"from": 1, "by": 1}',
  description: 'Value of a field or label; null for none. A list is one value for each of several readings.',
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
  description: 'A reading, or several; fields and labels stand beside its own keys.',
  required: ['at'],
  additionalProperties: value,
  properties: {
    at: { ...instantSchema, description: 'Its stamp, by the clock of the device; of several, that of the first.' },
    received: {
      ...laterSchema,
      description: 'When it arrives, or how long after its stamp. Default: at its stamp.',
    },
    device: { ...value, title: 'a device, or a list of devices', description: 'Who sends it. Default: d1.' },
    stream,
    fields: {
      type: 'object',
      additionalProperties: value,
      description: 'Fields and labels, where one has the name of a key of this object.',
      examples: [{ at: 20 }],
    },
    every: { ...distanceSchema, description: 'Of several readings: the time from one to the next.' },
    times: { type: 'integer', minimum: 1, maximum: 100_000, description: 'How many, where no list says so.' },
  },
} satisfies JsonSchema;

/** Schema of a step of a case. */
export const stepSchema = {
  title:
    'a step: a reading {"at": "0s", "temp": 20}, {"tick": …}, {"offline": …}, {"online": …}, {"broker": …}, {"weir": …}, {"clock": …} or {"attributes": …}',
  description: 'Something that happens.',
  anyOf: [
    form('{"tick": …}', 'A tick besides those of full seconds.', ['tick'], { tick: at }),
    form('{"offline": …}', "A device's last will.", ['offline', 'at'], { offline: name('The device.'), at, stream }),
    form('{"online": …}', "A device's birth message.", ['online', 'at'], { online: name('The device.'), at, stream }),
    form('{"broker": …}', 'Our connection.', ['broker', 'at'], {
      broker: {
        type: 'string',
        enum: ['lost', 'back', 'session-lost'],
        description: 'It is lost, it is back, or the broker has forgotten us.',
        examples: ['lost'],
      },
      at,
    }),
    form('{"weir": …}', 'Weir itself.', ['weir', 'at'], {
      weir: {
        type: 'string',
        enum: ['stops', 'starts'],
        description: 'It stops, and ticks no more, or starts again and connects.',
        examples: ['stops'],
      },
      at,
    }),
    form('{"clock": …}', 'Our clock is set; what follows goes by it.', ['clock', 'at'], {
      clock: { ...instantSchema, description: 'What it is set to.' },
      at,
    }),
    form('{"attributes": …}', 'Attributes of devices change.', ['attributes'], {
      attributes: {
        type: 'object',
        minProperties: 1,
        description: 'By device: all that it has from now on, or null.',
        additionalProperties: {
          title: 'an object, or null',
          anyOf: [
            { title: 'an object', type: 'object' },
            { title: 'null', type: 'null' },
          ],
        },
        examples: [{ d1: { limits: { temp: 70 } } }],
      },
      at: { ...instantSchema, description: 'When they do.', default: '0s' },
    }),
    reading,
  ],
  examples: [{ at: '0s', temp: 20 }],
} satisfies JsonSchema;
