import { durationSchema } from '../../document/schema-values.ts';
import type { JsonSchema } from '../../model/json-schema.ts';
import { WEEKDAYS } from '../../model/rule.ts';
import { topConditionSchema } from './schema-conditions.ts';

const clock = (max: '23' | '24') =>
  ({
    title: 'a time of day',
    type: 'string',
    pattern: max === '23' ? '^([01]\\d|2[0-3]):[0-5]\\d$' : '^(([01]\\d|2[0-3]):[0-5]\\d|24:00)$',
    patternErrorMessage: `Write hours and minutes, from "00:00" to "${max === '23' ? '23:59' : '24:00'}".`,
  }) satisfies JsonSchema;

const matches = {
  title: '{"matches": 3, "of": 5}',
  type: 'object',
  description: 'The conditions must have held in so many of the last outcomes.',
  required: ['matches', 'of'],
  additionalProperties: false,
  properties: {
    matches: { type: 'integer', minimum: 1, maximum: 100, description: 'How many must hold.', examples: [3] },
    of: { type: 'integer', minimum: 2, maximum: 100, description: 'Out of how many.', examples: [5] },
  },
} satisfies JsonSchema;

const hold = {
  title: 'a duration, or {"matches": 3, "of": 5}',
  anyOf: [durationSchema, matches],
  examples: ['30s', { matches: 3, of: 5 }],
} satisfies JsonSchema;

const level = {
  title: '{"severity": …, "conditions": …}',
  type: 'object',
  description: 'A severity, and when it is reached.',
  required: ['severity', 'conditions'],
  additionalProperties: false,
  properties: {
    severity: {
      type: 'string',
      enum: ['info', 'warning', 'critical'],
      description: 'How bad it is at this level.',
      examples: ['critical'],
    },
    conditions: { ...topConditionSchema, description: 'When the level is reached. Then those below it are as well.' },
    clear: {
      ...topConditionSchema,
      description: 'When the level may be left. Default: when its conditions no longer hold.',
    },
    for: { ...hold, description: "How long or how often the conditions must hold. Default: the rule's own `for`." },
  },
} satisfies JsonSchema;

const span = {
  title: '{"from": …, "to": …, "timeZone": …}',
  type: 'object',
  description: 'Hours of the week, by the clocks of a place.',
  required: ['timeZone'],
  additionalProperties: false,
  properties: {
    days: {
      type: 'array',
      minItems: 1,
      uniqueItems: true,
      items: { type: 'string', enum: WEEKDAYS, description: 'A day of the week.' },
      description: 'Days on which the hours begin. Default: every day.',
      examples: [['mon', 'tue', 'wed', 'thu', 'fri']],
    },
    from: { ...clock('23'), description: 'When they begin.', default: '00:00', examples: ['08:00'] },
    to: {
      ...clock('24'),
      description: 'When they end; this minute is no longer inside. Earlier than `from` is on the next day.',
      default: '24:00',
      examples: ['18:00'],
    },
    timeZone: {
      title: 'a time zone',
      type: 'string',
      pattern: '^[A-Za-z][A-Za-z0-9_+\\-/]{0,63}$',
      patternErrorMessage: 'Write its name in the IANA time zone database, like "Europe/Berlin" or "UTC".',
      description: 'Name in the IANA time zone database; daylight saving time included.',
      examples: ['Europe/Berlin', 'UTC'],
    },
  },
  examples: [{ days: ['mon', 'tue'], from: '08:00', to: '18:00', timeZone: 'Europe/Berlin' }],
} satisfies JsonSchema;

/** Schemas of what a rule says of how its alerts begin, end and are told. */
export const lifecycleSchemas = {
  for: {
    ...hold,
    description:
      'How long the conditions must hold before the alert is raised, or in how many of the last outcomes. Default: at once.',
  },
  levels: {
    title: 'a list of levels [{"severity": …, "conditions": …}, …]',
    type: 'array',
    minItems: 1,
    maxItems: 3,
    items: level,
    description:
      'In place of conditions and clear: one alert with several severities, lowest first, that rises and falls between them.',
    examples: [[{ severity: 'warning', conditions: { all: [{ fact: 'temp', operator: 'greaterThan', value: 45 }] } }]],
  },
  resolveAfter: {
    ...durationSchema,
    description: 'Resolves the alert when there was nothing to judge it by for this long. Default: it stays open.',
    examples: ['10m'],
  },
  repeat: {
    ...durationSchema,
    description: 'An alert that still fires is told again each time this has passed. Default: it is told once.',
    examples: ['1h'],
  },
  flapping: {
    title: '{"changes": 6, "within": "10m"}',
    type: 'object',
    description:
      'An alert that changes this often is told to flap, and then no more until it has been stable for as long.',
    required: ['changes', 'within'],
    additionalProperties: false,
    properties: {
      changes: { type: 'integer', minimum: 2, maximum: 100, description: 'How many changes.', examples: [6] },
      within: { ...durationSchema, description: 'Within how long.', examples: ['10m'] },
    },
    examples: [{ changes: 6, within: '10m' }],
  },
  limit: {
    title: '{"alerts": 10, "per": "1m"}',
    type: 'object',
    description: 'How many alerts of the rule are told in a period; the rest is summed up at its end.',
    required: ['alerts', 'per'],
    additionalProperties: false,
    properties: {
      alerts: { type: 'integer', minimum: 1, maximum: 100_000, description: 'How many alerts.', examples: [10] },
      per: { ...durationSchema, description: 'In how long.', examples: ['1m'] },
    },
    examples: [{ alerts: 10, per: '1m' }],
  },
  active: {
    title: '{"from": …, "to": …, "timeZone": …}, or a list of these',
    description: 'Hours of the week in which the rule is looked at; its alerts end with them. Default: always.',
    anyOf: [span, { title: 'a list of hours', type: 'array', minItems: 1, maxItems: 20, items: span }],
    examples: span.examples,
  },
} satisfies Record<string, JsonSchema>;
