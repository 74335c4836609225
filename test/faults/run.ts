import type { EmbeddedClickHouse } from '../../connectors/embedded/clickhouse.ts';
import { createRandom } from '../../engine/simulator/random.ts';
import type { FaultName } from './faults.ts';
import { startFlood } from './flood.ts';
import type { Mutation } from './mutations.ts';
import { checkDelivery, type DeliveryCheck, isCorrect } from './oracle.ts';
import type { Programs } from './program.ts';
import { startPublisher } from './publisher.ts';
import { readingOf } from './readings.ts';
import type { Scenario } from './scenarios.ts';
import { createTestbed } from './testbed.ts';

export interface RunOptions {
  readonly server: EmbeddedClickHouse;
  readonly full: boolean;
  readonly seed: number;
  readonly programs: Programs;
  /** A mistake in every engine, at its edges or in its code. */
  readonly mistake?: { readonly faults?: readonly FaultName[]; readonly mutations?: readonly Mutation[] };
}

/** The result of a scenario: one line of the table. */
export interface Result extends DeliveryCheck {
  readonly scenario: string;
  readonly runs: number;
  /** The longest time from an engine's exit until the next one had folded its journal; 0 if none exited. */
  readonly recoveryMs: number;
  /** Whether a promise was broken. */
  readonly broken: boolean;
  /** Whether no promise was broken and the fault took place. */
  readonly kept: boolean;
}

export const NOTHING: Result = {
  scenario: '',
  runs: 1,
  acknowledged: 0,
  missing: 0,
  duplicated: 0,
  invented: 0,
  examples: [],
  recoveryMs: 0,
  broken: false,
  kept: false,
};

const PATIENCE_MS = { short: 20_000, full: 60_000 };

export async function runScenario(scenario: Scenario, options: RunOptions): Promise<Result> {
  const runs = options.full ? (scenario.runs ?? 1) : 1;
  let sum: Result = { ...NOTHING, scenario: scenario.name, runs, kept: true };
  for (let run = 0; run < runs; run++) {
    const { check, recoveryMs, happened, broken } = await runOnce(scenario, { ...options, seed: options.seed + run });
    sum = {
      ...sum,
      acknowledged: sum.acknowledged + check.acknowledged,
      missing: sum.missing + check.missing,
      duplicated: sum.duplicated + check.duplicated,
      invented: sum.invented + check.invented,
      examples: [...sum.examples, ...check.examples],
      recoveryMs: Math.max(sum.recoveryMs, recoveryMs),
      broken: sum.broken || broken,
      kept: sum.kept && happened && !broken,
    };
  }
  return sum;
}

async function runOnce(scenario: Scenario, { server, full, seed, programs, mistake = {} }: RunOptions) {
  const { next } = createRandom(seed, 0);
  const random = () => next();
  const {
    always = [],
    first = [],
    count = { short: 4_000, full: 30_000 },
    publish = (n: number) => [readingOf(n)],
  } = scenario;
  const total = full ? count.full : count.short;
  const { faults = [], mutations } = mistake;
  const later = programs.make([...always, ...faults], mutations);
  const earlier = programs.make([...first, ...always, ...faults], mutations);
  const testbed = await createTestbed(server, scenario);
  try {
    await testbed.start(earlier, later);
    const { perSecond = 2_000 } = scenario;
    const start = perSecond === 'flood' ? startFlood : startPublisher;
    const publisher = start({
      url: testbed.broker.url,
      count: total,
      perSecond: perSecond === 'flood' ? Number.POSITIVE_INFINITY : perSecond,
      disturb: (n) => publish(n, random, total),
    });
    try {
      const reportedLost: number[] = [];
      const run = { full, random, publisher, expectLost: (n: number) => reportedLost.push(n) };
      await Promise.all([publisher.done, scenario.disturb?.(testbed, run)]);
      const { sent } = publisher;
      const unknownDevices = scenario.unknownDevices?.(total) ?? 0;
      const expected = {
        sent,
        reportedLost,
        refused: [],
        unknownDevices,
        allowDuplicates: false,
        uncertainOrder: false,
        ...scenario.expect,
      };
      const check = await checkDelivery(testbed, expected, PATIENCE_MS[full ? 'full' : 'short']);
      const happened = (await scenario.happened?.(testbed)) ?? true;
      const holds = (await scenario.holds?.(testbed)) ?? true;
      const broken = !holds || !isCorrect(check);
      const examples = [
        ...check.examples,
        ...(happened ? [] : ['the fault did not take place']),
        ...(holds ? [] : ['the promise of the scenario does not hold']),
      ];
      return { check: { ...check, examples }, recoveryMs: Math.round(testbed.recoveryMs), happened, broken };
    } finally {
      await publisher.close();
    }
  } finally {
    await testbed.close();
  }
}
