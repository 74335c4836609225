import type { DetectorKind } from '../model/detector.ts';
import { delta } from './delta.ts';
import { ewma } from './ewma.ts';
import { inARow } from './in-a-row.ts';
import { mad } from './mad.ts';
import { previous } from './previous.ts';
import { rate } from './rate.ts';
import { silentFor } from './silent-for.ts';
import { unchangedFor } from './unchanged-for.ts';
import { zscore } from './zscore.ts';

/** The running facts of the rule language, by the names that rule authors write. */
export type DetectorName =
  | 'previous'
  | 'delta'
  | 'rate'
  | 'ewma'
  | 'zscore'
  | 'mad'
  | 'unchangedFor'
  | 'silentFor'
  | 'inARow';

const ANY = ['number', 'boolean', 'string'] as const;
const NUMBERS = ['number'] as const;

const halfLife = { key: 'halfLife', description: 'A reading of this age has half the weight of a new one.' };

/** Every detector. To add one, add a file beside this one and an entry here. */
export const detectors: Readonly<Record<DetectorName, DetectorKind>> = {
  previous: {
    accepts: ANY,
    gives: 'field',
    unit: 'field',
    description: 'Value of the field in the previous reading.',
    create: () => previous,
  },
  delta: {
    accepts: NUMBERS,
    unit: 'field',
    description: 'Change of the field since the previous reading.',
    create: () => delta,
  },
  rate: {
    accepts: NUMBERS,
    unit: 'field-per-span',
    span: { key: 'per', defaultMs: 1_000, description: 'The unit of time of the rate.' },
    description: 'Change of the field since the previous reading, per second or per another unit of time.',
    create: rate,
  },
  ewma: {
    accepts: NUMBERS,
    unit: 'field',
    span: halfLife,
    description: 'Mean of the field, in which older readings have less weight.',
    create: ewma,
  },
  zscore: {
    accepts: NUMBERS,
    span: halfLife,
    description: 'Distance of the field from its mean in the previous readings, in standard deviations.',
    create: zscore,
  },
  mad: {
    accepts: NUMBERS,
    span: { key: 'horizon', description: 'Age of the oldest readings in the comparison.' },
    description: 'Distance of the field from its median in the previous readings, in robust standard deviations.',
    create: mad,
  },
  unchangedFor: {
    accepts: ANY,
    unit: 's',
    description: 'Seconds since the field last changed.',
    create: () => unchangedFor,
  },
  silentFor: {
    source: 'time',
    accepts: [],
    unit: 's',
    description: 'Seconds since the previous reading.',
    create: () => silentFor,
  },
  inARow: {
    source: 'condition',
    accepts: [],
    description: 'Number of readings in a row, this one included, for which the condition holds.',
    create: () => inARow,
  },
};
