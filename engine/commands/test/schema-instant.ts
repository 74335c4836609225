import type { JsonSchema } from '../../model/json-schema.ts';

const UNIT = '(ms|s|m|h|d)';
const DURATION = `\\d{1,11}(\\.\\d{1,3})?${UNIT}`;
const FORM = `\\d+(\\.\\d+)?${UNIT}`;
const RANGE = 'At most eleven digits, and three decimals.';

/** Schema of an instant, counted from the start of a case. */
export const instantSchema = {
  title: 'an instant',
  type: 'string',
  pattern: `^-?${DURATION}$`,
  patternErrorMessage: 'Write the time since the start, like "0s", "10s" or "1.5m".',
  patternBounds: { form: `^-?${FORM}$`, range: RANGE },
  examples: ['10s'],
} satisfies JsonSchema;

/** Schema of an instant, or of how much later than another it is. */
export const laterSchema = {
  title: 'an instant, or a delay',
  type: 'string',
  pattern: `^[-+]?${DURATION}$`,
  patternErrorMessage: 'Write the time since the start, like "12s", or the delay, like "+2s".',
  patternBounds: { form: `^[-+]?${FORM}$`, range: RANGE },
  examples: ['+2s'],
} satisfies JsonSchema;

/** Schema of a distance between instants. */
export const distanceSchema = {
  title: 'a duration',
  type: 'string',
  pattern: `^${DURATION}$`,
  patternErrorMessage: 'Write a number and ms, s, m, h or d, like "1s".',
  patternBounds: { form: `^${FORM}$`, range: RANGE },
  examples: ['1s'],
} satisfies JsonSchema;
