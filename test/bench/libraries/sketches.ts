import { fingerprintOfValue } from '../../../engine/aggregates/fingerprint.ts';
import { addToRegisters, createRegisters, estimateRegisters } from '../../../engine/aggregates/hyperloglog.ts';
import { addToSketch, createSketch, mergeSketch, valueAt } from '../../../engine/aggregates/sketch.ts';
import { createRandom } from '../../../engine/simulator/random.ts';
import { type Comparison, countRight, cpuRatio } from './measure.ts';

const REGISTERS = 4_096;
/** The inputs are few and small, because the candidate needs almost a millisecond per value. */
const SIZES = [2_000, 20_000];
const SETS = 2;

/** Estimates of the number of different values with the same number of registers: correct within three standard errors, 4.9 %. */
export const compareDistinct: Comparison = async (candidates) => {
  type Bloom = {
    default: {
      HyperLogLog: new (registers: number) => { update: (value: string) => void; count: (round: boolean) => number };
    };
  };
  const { HyperLogLog } = (await candidates.load<Bloom>('bloom-filters')).default;
  const own = (values: readonly string[]) => {
    const registers = createRegisters();
    for (const value of values) addToRegisters(registers, fingerprintOfValue(value));
    return estimateRegisters(registers);
  };
  const theirs = (values: readonly string[]) => {
    const sketch = new HyperLogLog(REGISTERS);
    for (const value of values) sketch.update(value);
    return sketch.count(false);
  };
  const errors = (estimate: typeof own) => sets.map((values) => Math.abs(estimate(values) / values.length - 1));
  const sets = SIZES.flatMap((size) =>
    Array.from({ length: SETS }, (_, set) => Array.from({ length: size }, (_, i) => `set ${set} value ${i}`)),
  );
  const few = sets[0]!.slice(0, 100);
  const [ours, other] = [errors(own), errors(theirs)];
  const within = (all: readonly number[]) => countRight(all, (error) => error < 0.049);
  const rms = (all: readonly number[]) =>
    `${(Math.sqrt(all.reduce((sum, error) => sum + error * error, 0) / all.length) * 100).toFixed(2)} %`;
  return [
    {
      thing: 'HyperLogLog',
      candidate: 'bloom-filters',
      right: { of: 'sets within three standard errors', ours: within(ours), theirs: within(other), total: sets.length },
      cpu: cpuRatio(
        () => own(few),
        () => theirs(few),
      ),
      note: `root mean square error ${rms(other)}, ours ${rms(ours)}`,
    },
  ];
};

interface Quantiles {
  readonly add: (value: number) => void;
  readonly at: (q: number) => number;
  readonly merge: (from: Quantiles) => void;
}

/** Quantiles of 20,000 values within 1 % of the value at that rank, with the same result for each order of merging. */
export const compareQuantiles: Comparison = async (candidates) => {
  type DataDog = { default: { DDSketch: new (options: object) => Dd } };
  type Dd = { accept: (value: number) => void; getValueAtQuantile: (q: number) => number; merge: (from: Dd) => void };
  const { DDSketch } = (await candidates.load<DataDog>('@datadog/sketches-js')).default;
  type Td = {
    push: (value: number) => void;
    percentile: (q: number) => number;
    toArray: () => object;
    push_centroid: (from: object) => void;
  };
  const { TDigest } = (await candidates.load<{ default: { TDigest: new () => Td } }>('tdigest')).default;
  const own = (): Quantiles & { sketch: ReturnType<typeof createSketch> } => {
    const sketch = createSketch();
    return {
      sketch,
      add: (value) => addToSketch(sketch, value),
      at: (q) => valueAt(sketch, Math.round(q * (sketch.n - 1))),
      merge: (from) => mergeSketch(sketch, (from as ReturnType<typeof own>).sketch),
    };
  };
  const dd = (): Quantiles & { sketch: Dd } => {
    const sketch = new DDSketch({ relativeAccuracy: 0.01 });
    return {
      sketch,
      add: (value) => sketch.accept(value),
      at: (q) => sketch.getValueAtQuantile(q),
      merge: (from) => sketch.merge((from as ReturnType<typeof dd>).sketch),
    };
  };
  const td = (): Quantiles & { sketch: Td } => {
    const sketch = new TDigest();
    return {
      sketch,
      add: (value) => sketch.push(value),
      at: (q) => sketch.percentile(q),
      merge: (from) => sketch.push_centroid((from as ReturnType<typeof td>).sketch.toArray()),
    };
  };
  const values = distributions();
  return (
    [
      ['@datadog/sketches-js', dd],
      ['tdigest', td],
    ] as const
  ).map(([candidate, create]) => ({
    thing: 'quantiles',
    candidate,
    right: {
      of: 'quantiles within 1 %',
      ours: countQuantiles(own, values),
      theirs: countQuantiles(create, values),
      total: values.length * QUANTILES.length,
    },
    cpu: cpuRatio(
      () => fill(own(), values[0]!),
      () => fill(create(), values[0]!),
    ),
    note: `order of merging ${isOrderless(create, values[0]!) ? 'does not change' : 'changes'} results (ours ${isOrderless(own, values[0]!) ? 'does not' : 'does'})`,
  }));
};

const QUANTILES = [0, 0.01, 0.25, 0.5, 0.75, 0.9, 0.99, 0.999, 1];

function distributions(): number[][] {
  const random = createRandom(1, 1);
  const draw = (of: () => number) => Array.from({ length: 20_000 }, of);
  return [
    draw(() => Math.exp(random.bell() * 2)),
    draw(() => random.bell() * 50),
    draw(() => 20 + random.bell()),
    draw(() => -Math.log(1 - random.next()) * 1e-6),
    draw(() => (random.next() < 0.9 ? random.between(1, 2) : random.between(1e9, 2e9))),
  ];
}

function fill(into: Quantiles, values: readonly number[]): Quantiles {
  for (const value of values) into.add(value);
  return into;
}

function countQuantiles(create: () => Quantiles, values: readonly number[][]): number {
  return values.reduce((sum, each) => {
    const sorted = each.toSorted((a, b) => a - b);
    const sketch = fill(create(), each);
    return (
      sum +
      countRight(QUANTILES, (q) => {
        const exact = sorted[Math.round(q * (sorted.length - 1))]!;
        return Math.abs(sketch.at(q) - exact) <= Math.abs(exact) * 0.0101;
      })
    );
  }, 0);
}

function isOrderless(create: () => Quantiles, values: readonly number[]): boolean {
  const parts = () => Array.from({ length: 10 }, (_, i) => fill(create(), values.slice(i * 500, (i + 1) * 500)));
  const merged = (all: Quantiles[]) => {
    const whole = create();
    for (const part of all) whole.merge(part);
    return QUANTILES.map((q) => whole.at(q)).join();
  };
  return merged(parts()) === merged(parts().reverse());
}

export const compareRandom: Comparison = async (candidates) => {
  type Generator = { next?: () => number; unsafeNext?: () => number };
  const { xoroshiro128plus } = await candidates.load<{ xoroshiro128plus: (seed: number) => Generator }>(
    'pure-rand/generator/xoroshiro128plus',
  );
  const { next } = createRandom(1, 1);
  const other = xoroshiro128plus(1);
  const step = () => other.next!();
  const spend = (of: () => number) => () => {
    let sum = 0;
    for (let i = 0; i < 10_000; i++) sum += of();
    return sum;
  };
  return [{ thing: 'random numbers', candidate: 'pure-rand', cpu: cpuRatio(spend(next), spend(step)) }];
};
