/**
 * Compares our own code with libraries: `npm run libraries`, or `npm run libraries -- csv` for one comparison. It gives the numbers in
 * CONTRIBUTING.md.
 */
import { rmSync } from 'node:fs';
import { type Candidates, installCandidates } from './candidates.ts';
import { compareCsv } from './csv.ts';
import { compareInstants, compareTimeZones } from './instants.ts';
import { compareJsonSchema } from './json-schema.ts';
import type { Comparison, Finding } from './measure.ts';
import { compareCommandLine, compareLock, compareSizes } from './programs.ts';
import { compareDistinct, compareQuantiles, compareRandom } from './sketches.ts';
import { compareTerminal } from './terminal.ts';
import { compareCloudEvents, comparePackets, compareRows } from './wire.ts';
import { compareLines, compareQuantities, compareSuggestions, compareTopics } from './words.ts';

const COMPARISONS: readonly Comparison[] = [
  ...[compareJsonSchema, compareSuggestions, compareLines, compareQuantities],
  ...[compareCsv, compareInstants, compareTimeZones, compareTopics],
  ...[compareDistinct, compareQuantiles, compareRandom],
  ...[compareRows, compareCloudEvents, comparePackets],
  ...[compareCommandLine, compareTerminal, compareLock, compareSizes],
];

const [wanted = ''] = process.argv.slice(2);
const candidates = await installCandidates();
try {
  for (const compare of COMPARISONS.filter(({ name }) => name.toLowerCase().includes(wanted.toLowerCase()))) {
    for (const finding of await compare(candidates)) process.stdout.write(`${lineOf(finding, candidates)}\n`);
  }
} finally {
  rmSync(candidates.folder, { recursive: true });
}

function lineOf({ thing, candidate, right, cpu, note }: Finding, { sizeOf }: Candidates): string {
  const { bytes, packages } = sizeOf(candidate);
  return [
    `${thing}: ${candidate}`,
    ...(right === undefined ? [] : [`${right.theirs} right, ours ${right.ours}, of ${right.total} ${right.of}`]),
    ...(cpu === undefined ? [] : [`CPU ${cpu < 10 ? cpu.toFixed(2) : Math.round(cpu)} × ours`]),
    ...(packages === 0 ? [] : [`${Math.round(bytes / 1_024)} KiB, packages: ${packages}`]),
    ...(note === undefined ? [] : [note]),
  ].join('; ');
}
