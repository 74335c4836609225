import type { JsonSchema } from '../model/json-schema.ts';

const DURATION =
  '(\\d{1,11}ms|\\d{1,8}(\\.\\d{1,3})?s|\\d{1,7}(\\.\\d{1,3})?m|\\d{1,5}(\\.\\d{1,3})?h|\\d{1,4}(\\.\\d{1,3})?d)';

const DURATION_RANGE =
  'The maximum is "9999d", "99999h", "9999999m", "99999999s" or "99999999999ms". At most three decimals are allowed, and none with ms.';

/** Schema of a duration longer than zero. Every valid text is a whole number of milliseconds below 10^12. */
export const durationSchema = {
  title: 'a duration longer than zero',
  type: 'string',
  pattern: `^(?=.*[1-9])${DURATION}$`,
  patternErrorMessage: 'Write a number and ms, s, m, h or d, like "250ms", "10s", "1.5m" or "2h".',
  patternBounds: { form: '^(?=.*[1-9])\\d+(\\.\\d+)?(ms|s|m|h|d)$', range: DURATION_RANGE },
  examples: ['10s', '5m'],
} satisfies JsonSchema;

/** Schema of a duration that may be `"0s"`. */
export const durationOrZeroSchema = {
  title: 'a duration',
  type: 'string',
  pattern: `^${DURATION}$`,
  patternErrorMessage: 'Write a number and ms, s, m, h or d, like "0s", "10s" or "5m".',
  patternBounds: { form: '^\\d+(\\.\\d+)?(ms|s|m|h|d)$', range: DURATION_RANGE },
  examples: ['30s', '5m'],
} satisfies JsonSchema;

/** Schema of a size in bytes, as a number or with a unit. */
export const sizeSchema = {
  title: 'a size',
  anyOf: [
    { title: 'a number of bytes', type: 'integer', minimum: 1 },
    {
      title: 'a size with a unit',
      type: 'string',
      pattern: '^(?=.*[1-9])\\d{1,12}(\\.\\d{1,3})? ?([kKMG]?B|[KMG]iB)$',
      patternErrorMessage: 'Write a number of bytes, or a size with a unit, like "64KiB", "5MB" or "1GiB".',
      patternBounds: {
        form: '^(?=.*[1-9])\\d+(\\.\\d+)? ?([kKMG]?B|[KMG]iB)$',
        range: 'Use at most twelve digits and three decimals.',
      },
    },
  ],
  examples: ['5MB', '32MiB'],
} satisfies JsonSchema;
