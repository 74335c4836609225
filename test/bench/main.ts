import type { BenchCase } from './bench.ts';
import { gateway } from './gateway.ts';
import { memory } from './memory.ts';
import { flood, outage, recovery } from './outage.ts';
import { overlap } from './overlap.ts';
import { rules } from './rules.ts';
import { throughput } from './throughput.ts';

/** All benchmarks. A new one is a file in this folder and a name here. */
const CASES: readonly BenchCase[] = [throughput, gateway, memory, overlap, rules, recovery, flood, outage];

const args = process.argv.slice(2);
const json = args.includes('--json');
const names = args.filter((arg) => !arg.startsWith('--'));
const unknown = names.filter((name) => !CASES.some((each) => each.name === name));
if (unknown.length > 0) {
  process.stderr.write(
    `There is no benchmark ${unknown.join(', ')}. There are:\n${CASES.map(({ name, summary }) => `  ${name.padEnd(12)} ${summary}\n`).join('')}`,
  );
  process.exit(2);
}
for (const each of CASES.filter(({ name }) => names.length === 0 || names.includes(name))) {
  for (const result of await each.run()) {
    const line = json
      ? JSON.stringify(result)
      : `${result.case}: ${result.value} ${result.unit}, baseline ${result.baseline}, ratio ${result.ratio.toFixed(2)}`;
    process.stdout.write(`${line}\n`);
  }
}
