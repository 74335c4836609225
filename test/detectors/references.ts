import type { DetectorName } from '../../engine/detectors/registry.ts';
import type { FieldValue } from '../../engine/model/field.ts';

/** A value and the event time of its reading. */
export interface Stamped {
  readonly time: number;
  readonly value: FieldValue;
}

/** The fact of a detector for the last of some readings, computed from all of them by its definition. */
export type Reference = (readings: readonly Stamped[], spanMs: number) => FieldValue | undefined;

const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);
const finite = (value: number) => (Number.isFinite(value) ? value : undefined);

/** Values minus the first of them, which keeps the digits of large values that are close together. */
function shifted(readings: readonly Stamped[]): number[] {
  return readings.map(({ value }) => (value as number) - (readings[0]!.value as number));
}

function weightsAt(readings: readonly Stamped[], at: number, halfLifeMs: number): number[] {
  return readings.map(({ time }) => Math.exp((-(at - time) / halfLifeMs) * Math.LN2));
}

/** pandas: `ewm(halflife, times).mean()`. */
function weightedMean(readings: readonly Stamped[], halfLifeMs: number): number {
  const weights = weightsAt(readings, readings.at(-1)!.time, halfLifeMs);
  return sum(shifted(readings).map((value, i) => value * weights[i]!)) / sum(weights);
}

/** pandas: `ewm(halflife, times).var(bias=False)`. */
function weightedVariance(readings: readonly Stamped[], halfLifeMs: number): number {
  const weights = weightsAt(readings, readings.at(-1)!.time, halfLifeMs);
  const mean = weightedMean(readings, halfLifeMs);
  const squares = sum(shifted(readings).map((value, i) => weights[i]! * (value - mean) ** 2));
  let pairs = 0;
  weights.forEach((a, i) => {
    weights.forEach((b, j) => {
      if (i !== j) pairs += a * b;
    });
  });
  return (squares * sum(weights)) / pairs;
}

const median = (values: readonly number[]): number => {
  const sorted = values.toSorted((a, b) => a - b);
  const half = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[half]! : (sorted[half - 1]! + sorted[half]!) / 2;
};

/** The readings after the last gap of more than ten half-lives. */
function sinceGap(readings: readonly Stamped[], halfLifeMs: number): readonly Stamped[] {
  const gap = readings.findLastIndex(({ time }, i) => i > 0 && time - readings[i - 1]!.time > 10 * halfLifeMs);
  return gap < 0 ? readings : readings.slice(gap);
}

/** The reference, by its definition, of each detector over fields. */
export const REFERENCES: Readonly<Record<Exclude<DetectorName, 'silentFor' | 'inARow'>, Reference>> = {
  previous: (readings) => readings.at(-2)?.value,
  delta: (readings) => {
    const [before, last] = readings.slice(-2);
    return last && finite((last.value as number) - (before!.value as number));
  },
  rate: (readings, perMs) => {
    const [before, last] = readings.slice(-2);
    if (last === undefined) return undefined;
    return finite((perMs * ((last.value as number) - (before!.value as number))) / (last.time - before!.time));
  },
  ewma: (readings, halfLifeMs) => (readings[0]!.value as number) + weightedMean(readings, halfLifeMs),
  zscore: (readings, halfLifeMs) => {
    const known = sinceGap(readings, halfLifeMs).slice(0, -1);
    if (known.length < 10) return undefined;
    const value = (readings.at(-1)!.value as number) - (known[0]!.value as number);
    return finite((value - weightedMean(known, halfLifeMs)) / Math.sqrt(weightedVariance(known, halfLifeMs)));
  },
  mad: (readings, horizonMs) => {
    const { time, value } = readings.at(-1)!;
    const sample: Stamped[] = [];
    for (const reading of readings.slice(0, -1)) {
      if (sample.length === 0 || reading.time - sample.at(-1)!.time >= horizonMs / 120) sample.push(reading);
    }
    const values = sample.filter((known) => known.time > time - horizonMs).map((known) => known.value as number);
    if (values.length < 10) return undefined;
    const middle = median(values);
    const spread = median(values.map((known) => Math.abs(known - middle)));
    return spread === 0 ? undefined : finite((0.6745 * ((value as number) - middle)) / spread);
  },
  unchangedFor: (readings) => {
    const { time, value } = readings.at(-1)!;
    const changed = readings.findLastIndex((reading) => reading.value !== value);
    return (time - readings[changed + 1]!.time) / 1_000;
  },
};
