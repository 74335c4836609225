import { parseArgs } from 'node:util';
import type { BenchCase, BenchOptions } from './bench.ts';
import { events } from './events.ts';
import { gateway } from './gateway.ts';
import { latency } from './latency.ts';
import { memory } from './memory.ts';
import { flood, outage, recovery } from './outage.ts';
import { overlap } from './overlap.ts';
import { rules } from './rules.ts';
import { scale } from './scale.ts';
import { throughput } from './throughput.ts';

/** All benchmarks. A new one is a file in this folder and a name here. */
const CASES: readonly BenchCase[] = [
  throughput,
  gateway,
  latency,
  events,
  memory,
  overlap,
  rules,
  scale,
  recovery,
  flood,
  outage,
];
const FEWEST_DEVICES = 1_000;

const { json, names, options } = readArguments();
for (const each of CASES.filter(({ name }) => names.length === 0 || names.includes(name))) {
  const results = await each.run(options);
  for (const result of results) {
    const line = json
      ? JSON.stringify(result)
      : `${result.case}: ${result.value} ${result.unit}, baseline ${result.baseline}, ratio ${result.ratio.toFixed(2)}`;
    process.stdout.write(`${line}\n`);
  }
  if (!json && each.table !== undefined) process.stdout.write(`\n${each.table(results)}\n`);
}

function readArguments(): { json: boolean; names: readonly string[]; options: BenchOptions } {
  try {
    const { values, positionals: names } = parseArgs({
      allowPositionals: true,
      options: {
        json: { type: 'boolean', default: false },
        devices: { type: 'string' },
        compare: { type: 'string' },
        rates: { type: 'string' },
        alerts: { type: 'string' },
        seconds: { type: 'string' },
        folder: { type: 'string' },
      },
    });
    const unknown = names.filter((name) => !CASES.some((each) => each.name === name));
    if (unknown.length > 0) refuse(`There is no benchmark ${unknown.join(', ')}.`);
    const { json, devices, compare, rates, alerts, seconds, folder } = values;
    const options: BenchOptions = {
      ...(devices !== undefined && { devices: readNumbers('devices', devices, FEWEST_DEVICES) }),
      ...(compare !== undefined && { compare }),
      ...(rates !== undefined && { rates: readNumbers('rates', rates) }),
      ...(alerts !== undefined && { alerts: readNumbers('alerts', alerts) }),
      ...(seconds !== undefined && { seconds: readNumbers('seconds', seconds)[0]! }),
      ...(folder !== undefined && { folder }),
    };
    for (const option of Object.keys(options) as (keyof BenchOptions)[]) {
      const takers = CASES.filter((each) => each.options?.includes(option)).map(({ name }) => name);
      if (!takers.some((name) => names.includes(name))) refuse(`--${option} is an option of ${takers.join(', ')}.`);
    }
    return { json, names, options };
  } catch (error) {
    return refuse((error as Error).message);
  }
}

function readNumbers(option: string, text: string, least = 1): number[] {
  const counts = text.split(',').map(Number);
  if (counts.every((count) => Number.isSafeInteger(count) && count >= least)) return counts;
  return refuse(`--${option} needs whole numbers from ${least} on, separated by commas, not ${text}.`);
}

function refuse(reason: string): never {
  const list = CASES.map(({ name, summary }) => `  ${name.padEnd(12)} ${summary}\n`).join('');
  process.stderr.write(`${reason}\nThe benchmarks are:\n${list}`);
  process.exit(2);
}
