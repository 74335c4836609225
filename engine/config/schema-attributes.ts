import type { JsonSchema } from '../model/json-schema.ts';

/** Schema of `attributes`. */
export const attributesSchema = {
  title: '{"file": …}, {"bucket": …} or both',
  type: 'object',
  description:
    'Where attributes of devices come from, such as limits of their own, which rules call device.limits.temp. What is in the bucket wins, for a device as a whole.',
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
        'File with the attributes of each device; read again when it changes. A relative path starts at the config file.',
      examples: ['./devices.json', './devices.csv'],
    },
    bucket: {
      title: 'the name of a bucket',
      type: 'string',
      maxLength: 128,
      pattern: '^(?!weir_(alerts_open|devices)$)[A-Za-z0-9_-]+$',
      patternErrorMessage: "Use letters, digits, _ and -, and no bucket of Weir's own.",
      description: 'KV bucket of NATS with an entry for each device; made where it is missing.',
      examples: ['weir_attributes'],
    },
  },
  examples: [{ file: './devices.json' }, { file: './devices.csv', bucket: 'weir_attributes' }],
} satisfies JsonSchema;
