import { setTimeout as delay } from 'node:timers/promises';
import { DEVICES, type Outcome, outcomeOf, STRANGE } from './readings.ts';
import type { World } from './world.ts';

/** What came of a run, counted at the far ends. */
export interface Verdict {
  /** Readings. */
  readonly acknowledged: number;
  /** Acknowledged readings that are not in the table, and changes of alerts, open alerts and windows that nobody was told of. */
  readonly missing: number;
  /** Rows, and changes of alerts, that are there more than once, and what the rollup counts more than once. */
  readonly duplicated: number;
  /** Rows, changes of alerts, open alerts and windows that nothing was the cause of. */
  readonly invented: number;
  /** Some of them, for whoever looks into it. */
  readonly examples: readonly string[];
}

export interface Expectation {
  /** Numbers of the readings in the order in which they went out; each was acknowledged. */
  readonly sent: readonly number[];
  /** Numbers that must stand among the dead letters instead of the table. */
  readonly refused: readonly number[];
  /** Numbers that are gone, and that the engine has said so of. */
  readonly told: readonly number[];
  /** Devices that come once and that nobody knows: each has one row. */
  readonly strangers: number;
  /** Readings may come more than once by no fault of the engine: the table's own deduplication is asked for. */
  readonly repeats: boolean;
  /** What came in which order is not known for sure: what rules make of it is not looked at. */
  readonly unsure: boolean;
}

const POLL_MS = 200;
const EXAMPLES = 5;

type Counts = Omit<Verdict, 'acknowledged'>;
const NONE: Counts = { missing: 0, duplicated: 0, invented: 0, examples: [] };

/** Looks until everything is where it belongs, or nothing has changed for `patienceMs`. */
export async function judge(world: World, expected: Expectation, patienceMs: number): Promise<Verdict> {
  const told = new Set(expected.told);
  const outcome = outcomeOf(expected.sent.filter((n) => !told.has(n)));
  let verdict = await look(world, expected, outcome);
  let changedAt = performance.now();
  while (!isRight(verdict) && performance.now() - changedAt < patienceMs) {
    await delay(POLL_MS);
    const next = await look(world, expected, outcome);
    if (JSON.stringify(next) !== JSON.stringify(verdict)) changedAt = performance.now();
    verdict = next;
  }
  return verdict;
}

export function isRight({ missing, duplicated, invented }: Verdict): boolean {
  return missing + duplicated + invented === 0;
}

async function look(world: World, expected: Expectation, outcome: Outcome): Promise<Verdict> {
  const { sent, unsure } = expected;
  const counts = [await lookAtRows(world, expected)];
  if (!unsure) {
    counts.push(compareChanges(await world.changes(), outcome));
    counts.push(await compareOpen(world, outcome), await compareTallies(world, outcome));
  }
  const sum = (what: 'missing' | 'duplicated' | 'invented') => counts.reduce((all, each) => all + each[what], 0);
  return {
    acknowledged: new Set(sent).size,
    missing: sum('missing'),
    duplicated: sum('duplicated'),
    invented: sum('invented'),
    examples: counts.flatMap(({ examples }) => examples).slice(0, EXAMPLES),
  };
}

async function lookAtRows(
  world: World,
  { sent, refused, told, strangers, repeats, unsure }: Expectation,
): Promise<Counts> {
  const { query, database } = world;
  const count = new Set(sent).size;
  const known = `n >= 0 AND n < ${count} AND n = floor(n) AND device = concat('d', toString(toUInt64(n) % ${DEVICES}))`;
  const from = `FROM ${database}.sensors ${repeats ? 'FINAL' : ''}`;
  const read = async (what: string) => Number((await query<{ c: string }>(`SELECT ${what} AS c ${from}`))[0]?.c ?? 0);
  try {
    const distinct = await read(`uniqExactIf(n, ${known})`);
    const all = await read('count()');
    const strange = `n = ${STRANGE} AND device LIKE 'stranger-%'`;
    const strangeDevices = await read(`uniqExactIf(device, ${strange})`);
    const invented =
      (await read(`countIf(NOT (${known}) AND NOT (${strange}))`)) + Math.max(0, strangeDevices - strangers);
    const letters = await query<{ c: string }>(
      `SELECT count() AS c FROM ${database}.dead_letters FINAL WHERE payload LIKE '%"n":${refused[0] ?? -1},%'`,
    );
    const counted = await query<{ c: string }>(`SELECT sum(count) AS c FROM ${database}.sensors_1m`);
    const lettered = refused.length === 0 ? 0 : Number(letters[0]?.c ?? 0);
    const strangersMissing = Math.max(0, strangers - strangeDevices);
    const missing = Math.abs(count - distinct - lettered - told.length) + strangersMissing;
    const examples = missing === 0 || missing > count / 2 ? [] : await findMissing(count, world);
    // It counts each message, also those that the table takes for one reading.
    const rolledUp = unsure ? 0 : Number(counted[0]?.c ?? 0) - (sent.length + strangers - lettered - told.length);
    if (rolledUp !== 0) examples.push(`the rollup counts ${Math.abs(rolledUp)} too ${rolledUp > 0 ? 'many' : 'few'}`);
    return {
      missing: missing + Math.max(0, -rolledUp),
      duplicated: all - invented - distinct - Math.min(strangeDevices, strangers) + Math.max(0, rolledUp),
      invented,
      examples,
    };
  } catch {
    // The tables are not there yet.
    return { ...NONE, missing: count + strangers };
  }
}

async function findMissing(count: number, { query, database }: World): Promise<string[]> {
  const rows = await query<{ number: string }>(
    `SELECT number FROM numbers(${count}) WHERE number NOT IN (SELECT toUInt64(n) FROM ${database}.sensors) LIMIT ${EXAMPLES}`,
  );
  return rows.map(({ number }) => `reading ${number}`);
}

/** Each change once; and in its order, device by device. */
function compareChanges(found: ReadonlyMap<string, readonly string[]>, { changes }: Outcome): Counts {
  let counts = NONE;
  for (const device of new Set([...changes.keys(), ...found.keys()])) {
    const [wanted, there] = [changes.get(device) ?? [], found.get(device) ?? []];
    const own = compare(device, there, new Set(wanted));
    const isInOrder = own.missing + own.duplicated + own.invented > 0 || wanted.join() === there.join();
    counts = add(counts, own);
    if (!isInOrder) counts = add(counts, { ...NONE, invented: 1, examples: [`${device}: the order of its changes`] });
  }
  return counts;
}

async function compareOpen(world: World, { open }: Outcome): Promise<Counts> {
  try {
    return compare('open alert', await world.openAlerts(), open);
  } catch {
    // The bucket is not there yet, or the server is not.
    return { ...NONE, missing: open.size };
  }
}

/** Windows that close later than all that the oracle is sure of are no business of its. */
async function compareTallies({ query, database }: World, { tallies }: Outcome): Promise<Counts> {
  const latest = Math.max(0, ...Array.from(tallies, (each) => Number(each.split(' ')[1])));
  try {
    const rows = await query<{ line: string }>(
      `SELECT concat(key, ' ', toString(toUnixTimestamp64Milli(time)), ' ', toString(facts['readings']), ' ', toString(toInt64(facts['total']))) AS line
       FROM ${database}.facts WHERE toUnixTimestamp64Milli(time) <= ${latest}`,
    );
    return compare(
      'window',
      rows.map(({ line }) => line),
      tallies,
    );
  } catch {
    // The table is not there yet.
    return { ...NONE, missing: tallies.size };
  }
}

function compare(what: string, found: readonly string[], expected: ReadonlySet<string>): Counts {
  const seen = new Set(found);
  const invented = [...seen].filter((each) => !expected.has(each));
  const missing = [...expected].filter((each) => !seen.has(each));
  return {
    missing: missing.length,
    duplicated: found.length - seen.size,
    invented: invented.length,
    examples: [
      ...missing.slice(0, EXAMPLES).map((each) => `${what}: ${each} is missing`),
      ...invented.slice(0, EXAMPLES).map((each) => `${what}: ${each} is invented`),
    ],
  };
}

function add(a: Counts, b: Counts): Counts {
  return {
    missing: a.missing + b.missing,
    duplicated: a.duplicated + b.duplicated,
    invented: a.invented + b.invented,
    examples: [...a.examples, ...b.examples],
  };
}
