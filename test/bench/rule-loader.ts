import { planOf, readConfig } from './rules.ts';

/** The cost of loading. Bytes are in addition to the memory before. */
export interface Loaded {
  readonly ms: number;
  /** Heap bytes that remain in use. */
  readonly heapBytes: number;
  /** Highest resident memory. */
  readonly peakBytes: number;
}

const config = readConfig();
const [, , how] = process.argv;

// A first load warms up: its code and data then do not count.
if (how === 'weir') planOf(config, []);

process.once('message', (texts: string[]) => {
  globalThis.gc?.();
  const before = process.memoryUsage();
  const startedAt = performance.now();
  const kept = how === 'json' ? texts.map((text) => JSON.parse(text) as unknown) : planOf(config, texts);
  const ms = performance.now() - startedAt;
  const peakBytes = process.resourceUsage().maxRSS * 1_024 - before.rss;
  globalThis.gc?.();
  const heapBytes = process.memoryUsage().heapUsed - before.heapUsed;
  if (Object.keys(kept).length === 0) throw new Error('nothing was kept');
  process.send?.({ ms, heapBytes, peakBytes } satisfies Loaded);
});
