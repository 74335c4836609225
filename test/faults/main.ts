import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { startClickHouse } from '../../connectors/embedded/clickhouse.ts';
import { canMakeDisk } from './disk.ts';
import type { MISTAKES } from './mistakes.ts';
import { MUTATIONS } from './mutations.ts';
import { createPrograms } from './program.ts';
import { NOTHING, type Result, type RunOptions, runScenario } from './run.ts';
import { SCENARIOS, type Scenario } from './scenarios.ts';

const HELP = `Usage: npm run faults -- [--short] [--json] [--seed N] [--mistakes] [NAME …]

Causes failures while numbered readings flow through real servers, and counts in ClickHouse and NATS what is missing, duplicated or invented.

  --short      fewer and shorter scenarios, as in CI
  --mistakes   add a mistake to each step of the protocol, one at a time; each must be caught
  --seed N     seed of the random numbers (1)
  NAME …       run only scenarios, or mistakes, whose names contain one of these

Exit codes: 0 every promise was kept (or every mistake caught), 1 not, 2 wrong arguments.
`;

type Mistake = keyof typeof MISTAKES | keyof typeof MUTATIONS;

/** The scenario that must catch each mistake. */
const CATCHES: Readonly<Record<Mistake, string>> = {
  'acknowledged before the sync': 'crash: before-write',
  'token omitted': 'answer lost after the commit',
  'outbox skipped': 'NATS away',
  'checkpoint before the confirmation': 'killed without ClickHouse',
  'redelivery counted as new': 'crash: after-sync',
  'redelivery forgotten too early': 'acknowledgements lost',
  'overlapping topics subscribed to': 'topics overlap',
  'removed topics left subscribed': 'topics removed',
  'refused row dropped': 'one row refused',
  'closed alert left open': 'no fault',
  'damage ends the journal': 'journal with flipped bits',
  'windows missing in the checkpoint': 'crash: checkpoint-synced',
  'changed keys not marked': 'crash: checkpoint-synced',
  'checkpoints in one copy only': 'checkpoints damaged in one copy',
  'earlier inserts forgotten': 'field added in between',
  'view of the rollup altered': 'ClickHouse restarts after a kill',
  'batch dropped': 'ClickHouse away',
};

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    short: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    mistakes: { type: 'boolean', default: false },
    seed: { type: 'string', default: '1' },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  process.stdout.write(HELP);
  process.exit(0);
}
const chosen = SCENARIOS.filter(
  ({ name, short }) => isNamed(name) && (!values.short || positionals.length > 0 || short === true),
);
const mistakes = (Object.entries(CATCHES) as [Mistake, string][]).filter(([mistake]) => isNamed(mistake));
if ((values.mistakes ? mistakes : chosen).length === 0) {
  process.stderr.write(
    `No name matches. Available names:\n${(values.mistakes ? Object.keys(CATCHES) : SCENARIOS.map(({ name }) => name)).map((name) => `  ${name}\n`).join('')}`,
  );
  process.exit(2);
}

const dir = mkdtempSync(join(tmpdir(), 'weir-faults-clickhouse-'));
const programs = createPrograms();
const server = await startClickHouse({ dir });
const full = !values.short;
const seed = Number(values.seed);
try {
  process.exitCode = (values.mistakes ? await catchMistakes() : await runAll(chosen)) ? 0 : 1;
} finally {
  await server.stop();
  programs.remove();
  rmSync(dir, { recursive: true, force: true, maxRetries: 3 });
}

function isNamed(name: string): boolean {
  return positionals.length === 0 || positionals.some((part) => name.includes(part));
}

async function runAll(scenarios: readonly Scenario[]): Promise<boolean> {
  if (!values.json) print(['scenario', 'runs', 'acknowledged', 'missing', 'duplicated', 'invented', 'recovery', '']);
  let kept = true;
  await runInParallel(scenarios, async (scenario) => {
    if (scenario.diskBytes !== undefined && !canMakeDisk()) {
      process.stderr.write(`${scenario.name}: skipped, because this user cannot mount the disk that it fills\n`);
      return;
    }
    const result = await runSafely(scenario, { server, programs, full, seed });
    kept &&= result.kept;
    show(result, result.kept ? '' : 'BROKEN');
  });
  return kept;
}

async function catchMistakes(): Promise<boolean> {
  let caught = true;
  await runInParallel(mistakes, async ([mistake, name]) => {
    const scenario = SCENARIOS.find((each) => each.name === name) as Scenario;
    const result = await runSafely(scenario, { server, programs, full: false, seed, mistake: inEngine(mistake) });
    // A scenario that did not run to its end has caught nothing.
    caught &&= result.broken;
    show({ ...result, scenario: `${mistake}: ${name}` }, result.broken ? 'caught' : 'NOT CAUGHT');
  });
  return caught;
}

function inEngine(mistake: Mistake): NonNullable<RunOptions['mistake']> {
  return mistake in MUTATIONS
    ? { mutations: [MUTATIONS[mistake as keyof typeof MUTATIONS]] }
    : { faults: [mistake as keyof typeof MISTAKES] };
}

/** Runs two at a time, because each waits most of the time. */
async function runInParallel<T>(all: readonly T[], run: (each: T) => Promise<void>): Promise<void> {
  const rest = [...all];
  const runNext = async (): Promise<void> => {
    for (let each = rest.shift(); each !== undefined; each = rest.shift()) await run(each);
  };
  await Promise.all([runNext(), runNext()]);
}

/** Runs a scenario. If it fails before its end, no promise counts as kept. */
async function runSafely(scenario: Scenario, options: RunOptions): Promise<Result> {
  try {
    return await runScenario(scenario, options);
  } catch (error) {
    const examples = [(error as Error).message];
    return { ...NOTHING, scenario: scenario.name, examples };
  }
}

function show(result: Result, remark: string): void {
  if (values.json) {
    process.stdout.write(`${JSON.stringify(result)}\n`);
    return;
  }
  const { scenario, runs, acknowledged, missing, duplicated, invented, recoveryMs } = result;
  const recovery = recoveryMs === 0 ? '-' : `${(recoveryMs / 1_000).toFixed(1)} s`;
  print([scenario, ...[runs, acknowledged, missing, duplicated, invented].map(String), recovery, remark]);
  if (!result.kept && result.examples.length > 0) process.stdout.write(`  ${result.examples.join(', ')}\n`);
}

function print([name = '', ...columns]: readonly string[]): void {
  process.stdout.write(
    `${name.padEnd(48)} ${columns.map((each) => each.padStart(12)).join('')}\n`.trimEnd().concat('\n'),
  );
}
