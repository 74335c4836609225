import { setTimeout as delay } from 'node:timers/promises';
import { DEVICES, expectedChanges } from './readings.ts';
import type { World } from './world.ts';

/** What came of a run, counted at the far ends. */
export interface Verdict {
  readonly acknowledged: number;
  /** Acknowledged readings that are not in the table, and changes of alerts that nobody was told of. */
  readonly missing: number;
  /** Rows, and changes of alerts, that are there more than once. */
  readonly duplicated: number;
  /** Rows, and changes of alerts, that nothing was the cause of. */
  readonly invented: number;
  /** Some of the missing ones, for whoever looks into it. */
  readonly examples: readonly string[];
}

export interface Expectation {
  /** Readings 0 to `count` - 1 were acknowledged. */
  readonly count: number;
  /** Numbers that must stand among the dead letters instead of the table. */
  readonly refused: readonly number[];
  /** The device itself sends readings twice: the table's own deduplication is asked for. */
  readonly repeats: boolean;
  /** Readings come in another order than their stamps have: what the rule makes of them depends on it. */
  readonly disorder: boolean;
}

const POLL_MS = 200;

/** Looks until everything is where it belongs, or nothing has changed for `patienceMs`. */
export async function judge(world: World, expected: Expectation, patienceMs: number): Promise<Verdict> {
  let verdict = await look(world, expected);
  let changedAt = performance.now();
  while (!isRight(verdict) && performance.now() - changedAt < patienceMs) {
    await delay(POLL_MS);
    const next = await look(world, expected);
    if (JSON.stringify(next) !== JSON.stringify(verdict)) changedAt = performance.now();
    verdict = next;
  }
  return verdict;
}

export function isRight({ missing, duplicated, invented }: Verdict): boolean {
  return missing + duplicated + invented === 0;
}

async function look(world: World, expected: Expectation): Promise<Verdict> {
  const rows = await lookAtRows(world, expected);
  const alerts = expected.disorder ? NONE : compare(await world.changes(), expectedChanges(expected.count));
  return {
    acknowledged: expected.count,
    missing: rows.missing + alerts.missing,
    duplicated: rows.duplicated + alerts.duplicated,
    invented: rows.invented + alerts.invented,
    examples: [...rows.examples, ...alerts.examples].slice(0, EXAMPLES),
  };
}

type Counts = Omit<Verdict, 'acknowledged'>;
const NONE: Counts = { missing: 0, duplicated: 0, invented: 0, examples: [] };
const EXAMPLES = 20;

async function lookAtRows(world: World, expected: Expectation): Promise<Counts> {
  const { query, database } = world;
  const { count, refused, repeats } = expected;
  const known = `n >= 0 AND n < ${count} AND n = floor(n) AND device = concat('d', toString(toUInt64(n) % ${DEVICES}))`;
  const from = `FROM ${database}.sensors ${repeats ? 'FINAL' : ''}`;
  const read = async (what: string) => Number((await query<{ c: string }>(`SELECT ${what} AS c ${from}`))[0]?.c ?? 0);
  try {
    const distinct = await read(`uniqExactIf(n, ${known})`);
    const all = await read('count()');
    const invented = await read(`countIf(NOT (${known}))`);
    const letters = await query<{ c: string }>(
      `SELECT count() AS c FROM ${database}.dead_letters FINAL WHERE payload LIKE '%"n":${refused[0] ?? -1},%'`,
    );
    const lettered = refused.length === 0 ? 0 : Number(letters[0]?.c ?? 0);
    const missing = count - distinct - lettered;
    const examples = missing === 0 || missing > count / 2 ? [] : await findMissing(expected, world);
    return { missing, duplicated: all - invented - distinct, invented, examples };
  } catch {
    // The tables are not there yet.
    return { ...NONE, missing: count };
  }
}

async function findMissing({ count }: Expectation, { query, database }: World): Promise<string[]> {
  const rows = await query<{ number: string }>(
    `SELECT number FROM numbers(${count}) WHERE number NOT IN (SELECT toUInt64(n) FROM ${database}.sensors) LIMIT ${EXAMPLES}`,
  );
  return rows.map(({ number }) => `reading ${number}`);
}

function compare(found: readonly string[], expected: ReadonlySet<string>): Counts {
  const seen = new Set(found);
  let invented = 0;
  for (const change of seen) if (!expected.has(change)) invented += 1;
  const missing = [...expected].filter((change) => !seen.has(change));
  return { missing: missing.length, duplicated: found.length - seen.size, invented, examples: missing };
}
