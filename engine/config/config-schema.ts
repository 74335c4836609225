import type { JsonSchema } from '../model/json-schema.ts';
import { DEFAULTS } from './defaults.ts';
import { attributesSchema } from './schema-attributes.ts';
import { brokerSchema, clickhouseSchema, localSchemas, natsSchema } from './schema-servers.ts';
import { streamSchema } from './schema-streams.ts';

const folder = (description: string, fallback: string) =>
  ({ type: 'string', minLength: 1, description, default: fallback }) satisfies JsonSchema;

/** JSON Schema of the config file; the single source of `deploy/weir.schema.json`. */
export const configSchema: JsonSchema = {
  $schema: 'http://json-schema.org/draft-07/schema#',
  title: 'a Weir config { … }',
  description: 'Where messages come from, what they contain, and where events and tables go.',
  type: 'object',
  required: ['mqtt', 'streams', 'nats', 'clickhouse'],
  additionalProperties: false,
  properties: {
    $schema: { type: 'string', description: 'This schema, for editors.', examples: ['./weir.schema.json'] },
    mqtt: {
      title: 'a broker { "url": … } or a list of brokers',
      description: 'The MQTT broker, or a list of brokers.',
      anyOf: [brokerSchema, { title: 'a list of brokers', type: 'array', minItems: 1, items: brokerSchema }],
      examples: [{ url: 'mqtt://mosquitto:1883' }],
    },
    streams: {
      type: 'object',
      minProperties: 1,
      description: 'The streams by name. The table of a stream has the same name.',
      additionalProperties: streamSchema,
      examples: [{ sensors: { topic: 'plant/{device}/data', format: 'json', fields: { temp: 'number' } } }],
    },
    nats: { ...natsSchema, examples: [{ servers: 'nats://nats:4222' }] },
    clickhouse: { ...clickhouseSchema, examples: [{ url: 'http://clickhouse:8123' }] },
    data: folder(
      'Folder of the journal and the checkpoints. A relative path starts at the config file.',
      DEFAULTS.data,
    ),
    rules: folder('Folder of the rule files. A relative path starts at the config file.', DEFAULTS.rules),
    attributes: attributesSchema,
    ...localSchemas,
  },
};
