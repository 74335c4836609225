import type { BenchCase, BenchResult } from './bench.ts';
import {
  BATCH_ROWS,
  type Load,
  measureBare,
  measureWeir,
  medianPace,
  openSite,
  type Pace,
  RULES,
  type Site,
} from './flow.ts';

const READINGS = 100;
const ROUNDS = 3;
const FORMS = ['json', 'ndjson', 'msgpack'] as const;

/**
 * Readings per second in payloads of a gateway, each with many readings of many devices, through the whole engine, and its CPU time per
 * reading. The baseline is a plain subscriber that parses the same payloads and does nothing with them.
 */
export const gateway: BenchCase = {
  name: 'gateway',
  summary: `readings/s and CPU for payloads of ${READINGS} readings, ${RULES} rules, against a bare subscriber that parses`,
  async run() {
    const site = await openSite();
    try {
      const results: BenchResult[] = [];
      for (const form of FORMS) results.push(...(await measure(site, form)));
      return results;
    } finally {
      await site.stop();
    }
  },
};

async function measure(site: Site, form: (typeof FORMS)[number]): Promise<readonly BenchResult[]> {
  const load: Load = { form, readings: READINGS, messages: (56 * BATCH_ROWS) / READINGS };
  const bare: Pace[] = [];
  const weir: Pace[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    bare.push(await measureBare(site, load, true));
    weir.push(await measureWeir(site, load));
  }
  return resultsOf(form, medianPace(weir), medianPace(bare));
}

function resultsOf(form: string, weir: Pace, bare: Pace): readonly BenchResult[] {
  return [
    {
      case: `gateway: ${form}`,
      value: Math.round(weir.messagesPerSecond * READINGS),
      baseline: Math.round(bare.messagesPerSecond * READINGS),
      ratio: weir.messagesPerSecond / bare.messagesPerSecond,
      unit: 'readings/s',
    },
    {
      case: `gateway: ${form}, cpu`,
      value: Number((weir.cpuUs / READINGS).toFixed(3)),
      baseline: Number((bare.cpuUs / READINGS).toFixed(3)),
      ratio: weir.cpuUs / bare.cpuUs,
      unit: 'µs/reading',
    },
  ];
}
