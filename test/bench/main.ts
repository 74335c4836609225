import { parseArgs } from 'node:util';
import type { BenchCase, BenchOptions } from './bench.ts';
import { events } from './events.ts';
import { memory } from './memory.ts';
import { flood, outage, recovery } from './outage.ts';
import { overlap } from './overlap.ts';
import { rules } from './rules.ts';
import { scale } from './scale.ts';
import { throughput } from './throughput.ts';

/** All benchmarks. A new one is a file in this folder and a name here. */
const CASES: readonly BenchCase[] = [throughput, events, memory, overlap, rules, scale, recovery, flood, outage];
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
      options: { json: { type: 'boolean', default: false }, devices: { type: 'string' }, compare: { type: 'string' } },
    });
    const unknown = names.filter((name) => !CASES.some((each) => each.name === name));
    if (unknown.length > 0) refuse(`There is no benchmark ${unknown.join(', ')}.`);
    const { json, devices, compare } = values;
    const options: BenchOptions = {
      ...(devices !== undefined && { devices: readDevices(devices) }),
      ...(compare !== undefined && { compare }),
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

function readDevices(text: string): number[] {
  const counts = text.split(',').map(Number);
  if (counts.every((count) => Number.isSafeInteger(count) && count >= FEWEST_DEVICES)) return counts;
  return refuse(`--devices needs whole numbers from ${FEWEST_DEVICES} on, separated by commas, not ${text}.`);
}

function refuse(reason: string): never {
  const list = CASES.map(({ name, summary }) => `  ${name.padEnd(12)} ${summary}\n`).join('');
  process.stderr.write(`${reason}\nThe benchmarks are:\n${list}`);
  process.exit(2);
}
