import { durationSchema } from '../../document/schema-values.ts';
import type { JsonSchema } from '../../model/json-schema.ts';
import { WEEKDAYS } from '../../model/rule.ts';
import { topConditionSchema } from './schema-conditions.ts';

const clock = (max: '23' | '24') =>
  ({
    title: 'a time of day',
    type: 'string',
    pattern: max === '23' ? '^([01]\\d|2[0-3]):[0-5]\\d$' : '^(([01]\\d|2[0-3]):[0-5]\\d|24:00)$',
    patternErrorMessage: `Write hours and minutes from "00:00" to "${max === '23' ? '23:59' : '24:00'}".`,
  }) satisfies JsonSchema;

const matches = {
  title: '{"matches": 3, "of": 5}',
  type: 'object',
  description: 'In how many of the last results the conditions must have held.',
  required: ['matches', 'of'],
  additionalProperties: false,
  properties: {
    matches: {
      type: 'integer',
      minimum: 1,
      maximum: 100,
      description: 'Number of results in which they must hold.',
      examples: [3],
    },
    of: {
      type: 'integer',
      minimum: 2,
      maximum: 100,
      description: 'Number of last results that are counted.',
      examples: [5],
    },
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
  description: 'A severity, and the conditions under which it is reached.',
  required: ['severity', 'conditions'],
  additionalProperties: false,
  properties: {
    severity: {
      type: 'string',
      enum: ['info', 'warning', 'critical'],
      description: 'Severity of the alert at this level.',
      examples: ['critical'],
    },
    conditions: {
      ...topConditionSchema,
      description: 'When the level is reached. The levels below it are then reached too.',
    },
    clear: {
      ...topConditionSchema,
      description: 'When the alert may leave the level. Default: when the conditions of the level no longer hold.',
    },
    for: { ...hold, description: "How long or how often the conditions must hold. Default: the rule's own `for`." },
  },
} satisfies JsonSchema;

const span = {
  title: '{"from": …, "to": …, "timeZone": …}',
  type: 'object',
  description: 'Hours of the week, in a time zone.',
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
    from: { ...clock('23'), description: 'Time at which they begin.', default: '00:00', examples: ['08:00'] },
    to: {
      ...clock('24'),
      description: 'Time at which they end; this minute is not included. A time before `from` is on the next day.',
      default: '24:00',
      examples: ['18:00'],
    },
    timeZone: {
      title: 'a time zone',
      type: 'string',
      pattern: '^[A-Za-z][A-Za-z0-9_+\\-/]{0,63}$',
      patternErrorMessage: 'Write its name in the IANA time zone database, like "Europe/Berlin" or "UTC".',
      description: 'Name of a time zone in the IANA database. Daylight saving time is taken into account.',
      examples: ['Europe/Berlin', 'UTC'],
    },
  },
  examples: [{ days: ['mon', 'tue'], from: '08:00', to: '18:00', timeZone: 'Europe/Berlin' }],
} satisfies JsonSchema;

/** Schemas of the keys of a rule that say when its alerts begin and end, and when they are published. */
export const lifecycleSchemas = {
  for: {
    ...hold,
    description:
      'How long the conditions must hold before the alert is raised, or in how many of the last results. Default: the alert is raised at once.',
  },
  levels: {
    title: 'a list of levels [{"severity": …, "conditions": …}, …]',
    type: 'array',
    minItems: 1,
    maxItems: 3,
    items: level,
    description:
      'Several severities of one alert, lowest first. The alert rises and falls between them. They replace conditions and clear.',
    examples: [[{ severity: 'warning', conditions: { all: [{ fact: 'temp', operator: 'greaterThan', value: 45 }] } }]],
  },
  resolveAfter: {
    ...durationSchema,
    description: 'Resolves the alert when there was no result for this long. Default: the alert stays open.',
    examples: ['10m'],
  },
  repeat: {
    ...durationSchema,
    description:
      'Publishes an alert that still fires again, each time this long has passed. Default: it is published once.',
    examples: ['1h'],
  },
  flapping: {
    title: '{"changes": 6, "within": "10m"}',
    type: 'object',
    description:
      'An alert that changes this often is published as flapping. Its changes are then not published until it has been stable for as long.',
    required: ['changes', 'within'],
    additionalProperties: false,
    properties: {
      changes: { type: 'integer', minimum: 2, maximum: 100, description: 'Number of changes.', examples: [6] },
      within: { ...durationSchema, description: 'Period in which the changes are counted.', examples: ['10m'] },
    },
    examples: [{ changes: 6, within: '10m' }],
  },
  limit: {
    title: '{"alerts": 10, "per": "1m"}',
    type: 'object',
    description:
      'How many alerts of the rule are published in a period. A summary of the others is published at its end.',
    required: ['alerts', 'per'],
    additionalProperties: false,
    properties: {
      alerts: { type: 'integer', minimum: 1, maximum: 100_000, description: 'Number of alerts.', examples: [10] },
      per: { ...durationSchema, description: 'Length of the period.', examples: ['1m'] },
    },
    examples: [{ alerts: 10, per: '1m' }],
  },
  active: {
    title: '{"from": …, "to": …, "timeZone": …}, or a list of these',
    description:
      'Hours of the week in which the rule is evaluated. Its alerts end when the hours end. Default: always.',
    anyOf: [span, { title: 'a list of hours', type: 'array', minItems: 1, maxItems: 20, items: span }],
    examples: span.examples,
  },
} satisfies Record<string, JsonSchema>;
