import { durationSchema } from '../../document/schema-values.ts';
import type { JsonSchema } from '../../model/json-schema.ts';
import { conditionSchema, topConditionSchema } from './schema-conditions.ts';
import { operandSchema } from './schema-derived.ts';
import { factSchema } from './schema-facts.ts';
import { lifecycleSchemas } from './schema-lifecycle.ts';
import { sequenceLatenessSchema, sequenceSchema } from './schema-sequence.ts';
import { windowSchema } from './schema-window.ts';
import { withSchema } from './schema-with.ts';

const name = {
  type: 'string',
  minLength: 1,
  maxLength: 128,
  examples: ['temp'],
} satisfies JsonSchema;

const event = {
  type: 'object',
  description:
    'What the alert says. A rule without `event` is a view: its facts are published and stored, and other rules can use them as a stream with the name of the view.',
  required: ['type'],
  additionalProperties: false,
  properties: {
    type: {
      type: 'string',
      minLength: 1,
      maxLength: 128,
      description: 'Type of the event.',
      examples: ['overheating'],
    },
    params: {
      type: 'object',
      description: 'Severity, message, and anything else that the receiver of the alert needs.',
      properties: {
        severity: {
          type: 'string',
          enum: ['info', 'warning', 'critical'],
          description: 'Severity of the alert.',
          default: 'warning',
        },
        message: {
          type: 'string',
          minLength: 1,
          maxLength: 1_000,
          description:
            'Message for people. {{name}} is replaced by a fact, a field, a label, device, key or severity, and {{name.unit}} by its unit.',
          examples: ['{{device}} averages {{meanTemp}} °C'],
        },
      },
      examples: [{ severity: 'critical', message: '{{device}} averages {{meanTemp}} °C' }],
    },
  },
  examples: [{ type: 'overheating', params: { severity: 'critical' } }],
} satisfies JsonSchema;

/** JSON Schema of a rule file; the single source of `rules/rule.schema.json`. */
export const ruleSchema: JsonSchema = {
  $schema: 'http://json-schema.org/draft-07/schema#',
  title: 'a rule { … }',
  description:
    'Says when to raise an alert: by `conditions` (over single readings or over the facts of a window), by `silence`, or by a `sequence`. A rule without `event` is a view of `facts`.',
  type: 'object',
  required: ['name', 'stream'],
  additionalProperties: false,
  properties: {
    $schema: { type: 'string', description: 'This schema, for editors.', examples: ['./rule.schema.json'] },
    name: {
      title: 'a rule name',
      type: 'string',
      maxLength: 128,
      pattern: '^[A-Za-z0-9_-]+$',
      patternErrorMessage: 'Use letters, digits, _ and -.',
      description: 'Name of the rule. Each rule needs a different name.',
      examples: ['overheating'],
    },
    description: { type: 'string', description: 'What the rule is for, as a sentence for people.' },
    stream: {
      type: 'string',
      minLength: 1,
      description: 'Name of a stream of the config, or of a view (a rule without `event`).',
      examples: ['sensors'],
    },
    with: withSchema,
    per: {
      type: 'array',
      maxItems: 16,
      uniqueItems: true,
      items: { ...name, description: '`device`, or a label of the stream.', examples: ['device'] },
      description:
        "What readings are grouped by: labels or `device`. An empty list means one group for the whole stream. For a rule over a view, the default is the view's own `per`.",
      default: ['device'],
    },
    where: { ...topConditionSchema, description: 'Only readings that meet this condition are used.' },
    window: windowSchema,
    sequence: sequenceSchema,
    lateness: sequenceLatenessSchema,
    facts: {
      type: 'object',
      minProperties: 1,
      maxProperties: 64,
      additionalProperties: factSchema,
      description:
        'What is calculated for each window or, without a window, for each reading. Each fact has a name and a definition.',
      examples: [{ meanTemp: { mean: 'temp' }, n: { count: true } }],
    },
    conditions: {
      ...topConditionSchema,
      description:
        'When to raise the alert. They use the facts of the window or, without a window, the fields of each reading.',
    },
    silence: {
      ...durationSchema,
      description:
        'Raises the alert when no reading has come for this long. It replaces window, facts, conditions, clear and where.',
      examples: ['60s'],
    },
    levels: lifecycleSchemas.levels,
    for: lifecycleSchemas.for,
    clear: {
      ...topConditionSchema,
      description: 'When the alert may resolve. Default: when the conditions no longer hold.',
    },
    keepFiring: {
      ...durationSchema,
      description: 'How long the alert must be clear before it resolves. Default: it resolves at once.',
    },
    resolveAfter: lifecycleSchemas.resolveAfter,
    repeat: lifecycleSchemas.repeat,
    flapping: lifecycleSchemas.flapping,
    limit: lifecycleSchemas.limit,
    active: lifecycleSchemas.active,
    event,
    missing: {
      type: 'string',
      enum: ['unknown', 'undefined'],
      description:
        'The result of a comparison with a fact that has no value. `unknown`: the comparison neither holds nor fails. `undefined`: as in json-rules-engine, `notEqual` and `notIn` hold, and other operators do not.',
      default: 'unknown',
    },
    order: {
      type: 'string',
      enum: ['event', 'arrival'],
      description:
        'For a rule over single readings. `event`: a reading that is older than one already evaluated is skipped. `arrival`: every reading is evaluated when it arrives.',
      default: 'event',
    },
    priority: {
      type: 'integer',
      minimum: 1,
      description: 'Rules with a higher priority are evaluated first.',
      default: 1,
    },
  },
  definitions: { condition: conditionSchema, operand: operandSchema },
};
