/** How fast a counter grows, over the last seconds. */
export interface Rate {
  /** Takes down where the counter stands. Instants must ascend; milliseconds. */
  sample(at: number, count: number): void;
  /** Per second. */
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
