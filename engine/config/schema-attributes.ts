import type { JsonSchema } from '../model/json-schema.ts';

/** Schema of `attributes`. */
export const attributesSchema = {
  title: '{"file": …}, {"bucket": …} or both',
  type: 'object',
  description:
    'Where attributes of devices come from, such as a limit for each device, which rules use as device.limits.temp. If a device is in both, all of its attributes come from the bucket.',
  minProperties: 1,
  additionalProperties: false,
  properties: {
    file: {
      title: 'a .json or .csv file',
      type: 'string',
      minLength: 5,
      pattern: '\\.(json|csv)$',
      patternErrorMessage: 'Name a file that ends in .json or .csv.',
      description:
        'File with the attributes of each device. It is read again when it changes. A relative path starts at the config file.',
      examples: ['./devices.json', './devices.csv'],
    },
    bucket: {
      title: 'the name of a bucket',
      type: 'string',
      maxLength: 128,
      pattern: '^(?!weir_(alerts_open|devices)$)[A-Za-z0-9_-]+$',
      patternErrorMessage: 'Use letters, digits, _ and -. Buckets of Weir itself are not allowed.',
      description: 'KV bucket of NATS with an entry for each device. It is created if it is missing.',
      examples: ['weir_attributes'],
    },
  },
  examples: [{ file: './devices.json' }, { file: './devices.csv', bucket: 'weir_attributes' }],
} satisfies JsonSchema;
