import { planOf, readConfig } from './rules.ts';

/** What loading came to. Bytes are on top of what there was before. */
export interface Loaded {
  readonly ms: number;
  /** Of what is kept. */
  readonly heapBytes: number;
  /** Resident, at its highest. */
  readonly peakBytes: number;
}

const config = readConfig();
const [, , how] = process.argv;

// Code that has run before is there already, and so is what it needs.
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
