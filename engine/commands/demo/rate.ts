/** The growth rate of a counter over the last 5 seconds. */
export interface Rate {
  /** Adds a value of the counter. `at` is in milliseconds and must ascend. */
  sample(at: number, count: number): void;
  /** The rate per second; 0 before the second sample. */
  value(): number;
}

const SPAN_MS = 5_000;

export function createRate(): Rate {
  const samples: { readonly at: number; readonly count: number }[] = [];
  return {
    sample(at, count) {
      samples.push({ at, count });
      while (samples.length > 2 && at - samples[1]!.at >= SPAN_MS) samples.shift();
    },
    value() {
      const first = samples[0];
      const last = samples.at(-1);
      if (first === undefined || last === undefined || last.at === first.at) return 0;
      return ((last.count - first.count) * 1_000) / (last.at - first.at);
    },
  };
}
