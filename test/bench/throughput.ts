import type { BenchCase, BenchResult } from './bench.ts';
import { BATCH_ROWS, type Load, measureBare, measureWeir, medianPace, openSite, type Pace, RULES } from './flow.ts';

/** Whole batches, so that the wait of the last rows for a full batch is not part of the rate. */
const LOAD: Load = { form: 'single', readings: 1, messages: 28 * BATCH_ROWS };
const ROUNDS = 3;

/**
 * Messages per second at QoS 1 from a broker through the whole engine, and its CPU time per message. The baseline is a plain subscriber that
 * only counts. Both get the same messages, in turn, and the medians are compared. Where the broker limits the rate, only the CPU time says
 * how much the engine costs.
 */
export const throughput: BenchCase = {
  name: 'throughput',
  summary: `messages/s and CPU through the whole pipeline, ${RULES} rules, against a bare mqtt.js subscriber`,
  async run() {
    const site = await openSite();
    try {
      const bare: Pace[] = [];
      const weir: Pace[] = [];
      for (let round = 0; round < ROUNDS; round++) {
        bare.push(await measureBare(site, LOAD));
        weir.push(await measureWeir(site, LOAD));
      }
      return resultsOf(medianPace(weir), medianPace(bare));
    } finally {
      await site.stop();
    }
  },
};

function resultsOf(weir: Pace, bare: Pace): readonly BenchResult[] {
  return [
    {
      case: 'throughput',
      value: Math.round(weir.messagesPerSecond),
      baseline: Math.round(bare.messagesPerSecond),
      ratio: weir.messagesPerSecond / bare.messagesPerSecond,
      unit: 'messages/s',
    },
    {
      case: 'throughput: cpu',
      value: Number(weir.cpuUs.toFixed(2)),
      baseline: Number(bare.cpuUs.toFixed(2)),
      ratio: weir.cpuUs / bare.cpuUs,
      unit: 'µs/message',
    },
  ];
}
