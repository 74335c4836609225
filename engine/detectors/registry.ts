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

const halfLife = { key: 'halfLife', description: 'A reading of this age counts half as much as a new one.' };

/** Every detector; a new one is a file beside this one and an entry here. */
export const detectors: Readonly<Record<DetectorName, DetectorKind>> = {
  previous: {
    accepts: ANY,
    gives: 'field',
    unit: 'field',
    description: 'Value of the field in the reading before.',
    create: () => previous,
  },
  delta: {
    accepts: NUMBERS,
    unit: 'field',
    description: 'Change of the field since the reading before.',
    create: () => delta,
  },
  rate: {
    accepts: NUMBERS,
    unit: 'field-per-span',
    span: { key: 'per', defaultMs: 1_000, description: 'The time that the change is for.' },
    description: 'Change of the field since the reading before, per second or per another time.',
    create: rate,
  },
  ewma: {
    accepts: NUMBERS,
    unit: 'field',
    span: halfLife,
    description: 'Mean of the field in which older readings count ever less.',
    create: ewma,
  },
  zscore: {
    accepts: NUMBERS,
    span: halfLife,
    description: 'Standard deviations that the field is away from its mean in the readings before.',
    create: zscore,
  },
  mad: {
    accepts: NUMBERS,
    span: { key: 'horizon', description: 'Age of the oldest readings to compare with.' },
    description: 'Robust deviations that the field is away from its median in the readings before.',
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
    description: 'Seconds since the reading before.',
    create: () => silentFor,
  },
  inARow: {
    source: 'condition',
    accepts: [],
    description: 'Number of readings in a row, this one included, for which the condition holds.',
    create: () => inARow,
  },
};
