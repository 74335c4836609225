import { setTimeout as delay } from 'node:timers/promises';
import { DEVICES, type Outcome, outcomeOf, UNKNOWN_NUMBER } from './readings.ts';
import type { Testbed } from './testbed.ts';

/** The result of a run, counted in ClickHouse and NATS. */
export interface DeliveryCheck {
  /** Number of acknowledged readings. */
  readonly acknowledged: number;
  /** Acknowledged readings that are not in the table, and expected changes of alerts, open alerts and windows that are missing. */
  readonly missing: number;
  /** Duplicate rows and changes of alerts, and readings that the rollup counts more than once. */
  readonly duplicated: number;
  /** Rows, changes of alerts, open alerts and windows without a cause. */
  readonly invented: number;
  /** Some examples, for debugging. */
  readonly examples: readonly string[];
}

export interface Expectation {
  /** Numbers of the acknowledged readings, in the order of sending. */
  readonly sent: readonly number[];
  /** Numbers of readings that must be in the dead letter table instead. */
  readonly refused: readonly number[];
  /** Numbers of readings that are lost and that the engine has reported as lost. */
  readonly reportedLost: readonly number[];
  /** Number of unknown devices that sent one reading each; each has one row. */
  readonly unknownDevices: number;
  /** Whether readings may be received more than once without a fault of the engine. The query then uses the deduplication of the table. */
  readonly allowDuplicates: boolean;
  /** Whether the order of arrival is uncertain. Alerts and windows are then not checked. */
  readonly uncertainOrder: boolean;
}

const POLL_MS = 200;
const EXAMPLES = 5;

type Counts = Omit<DeliveryCheck, 'acknowledged'>;
const NONE: Counts = { missing: 0, duplicated: 0, invented: 0, examples: [] };

/** Checks repeatedly until everything is correct, or nothing has changed for `patienceMs`. */
export async function checkDelivery(
  testbed: Testbed,
  expected: Expectation,
  patienceMs: number,
): Promise<DeliveryCheck> {
  const reportedLost = new Set(expected.reportedLost);
  const outcome = outcomeOf(expected.sent.filter((n) => !reportedLost.has(n)));
  let check = await checkOnce(testbed, expected, outcome);
  let changedAt = performance.now();
  while (!isCorrect(check) && performance.now() - changedAt < patienceMs) {
    await delay(POLL_MS);
    const next = await checkOnce(testbed, expected, outcome);
    if (JSON.stringify(next) !== JSON.stringify(check)) changedAt = performance.now();
    check = next;
  }
  return check;
}

export function isCorrect({ missing, duplicated, invented }: DeliveryCheck): boolean {
  return missing + duplicated + invented === 0;
}

async function checkOnce(testbed: Testbed, expected: Expectation, outcome: Outcome): Promise<DeliveryCheck> {
  const { sent, uncertainOrder } = expected;
  const counts = [await checkRows(testbed, expected)];
  if (!uncertainOrder) {
    counts.push(compareChanges(await testbed.changes(), outcome));
    counts.push(await compareOpen(testbed, outcome), await compareWindows(testbed, outcome));
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

async function checkRows(
  testbed: Testbed,
  { sent, refused, reportedLost, unknownDevices, allowDuplicates, uncertainOrder }: Expectation,
): Promise<Counts> {
  const { query, database } = testbed;
  const count = new Set(sent).size;
  const known = `n >= 0 AND n < ${count} AND n = floor(n) AND device = concat('d', toString(toUInt64(n) % ${DEVICES}))`;
  const from = `FROM ${database}.sensors ${allowDuplicates ? 'FINAL' : ''}`;
  const read = async (what: string) => Number((await query<{ c: string }>(`SELECT ${what} AS c ${from}`))[0]?.c ?? 0);
  try {
    const distinct = await read(`uniqExactIf(n, ${known})`);
    const all = await read('count()');
    const isUnknown = `n = ${UNKNOWN_NUMBER} AND device LIKE 'unknown-%'`;
    const unknownFound = await read(`uniqExactIf(device, ${isUnknown})`);
    const invented =
      (await read(`countIf(NOT (${known}) AND NOT (${isUnknown}))`)) + Math.max(0, unknownFound - unknownDevices);
    const deadLetters = await query<{ c: string }>(
      `SELECT count() AS c FROM ${database}.dead_letters FINAL WHERE payload LIKE '%"n":${refused[0] ?? -1},%'`,
    );
    const counted = await query<{ c: string }>(`SELECT sum(count) AS c FROM ${database}.sensors_1m`);
    const refusedStored = refused.length === 0 ? 0 : Number(deadLetters[0]?.c ?? 0);
    const unknownMissing = Math.max(0, unknownDevices - unknownFound);
    const missing = Math.abs(count - distinct - refusedStored - reportedLost.length) + unknownMissing;
    const examples = missing === 0 || missing > count / 2 ? [] : await findMissing(count, testbed);
    // The rollup counts each message, also duplicates that the table stores as one reading.
    const rolledUp = uncertainOrder
      ? 0
      : Number(counted[0]?.c ?? 0) - (sent.length + unknownDevices - refusedStored - reportedLost.length);
    if (rolledUp !== 0) examples.push(`the rollup counts ${Math.abs(rolledUp)} too ${rolledUp > 0 ? 'many' : 'few'}`);
    return {
      missing: missing + Math.max(0, -rolledUp),
      duplicated: all - invented - distinct - Math.min(unknownFound, unknownDevices) + Math.max(0, rolledUp),
      invented,
      examples,
    };
  } catch {
    // The tables do not exist yet.
    return { ...NONE, missing: count + unknownDevices };
  }
}

async function findMissing(count: number, { query, database }: Testbed): Promise<string[]> {
  const rows = await query<{ number: string }>(
    `SELECT number FROM numbers(${count}) WHERE number NOT IN (SELECT toUInt64(n) FROM ${database}.sensors) LIMIT ${EXAMPLES}`,
  );
  return rows.map(({ number }) => `reading ${number}`);
}

/** Checks that each change is there once and in order, for each device. */
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

async function compareOpen(testbed: Testbed, { open }: Outcome): Promise<Counts> {
  try {
    return compare('open alert', await testbed.openAlerts(), open);
  } catch {
    // The bucket or the server does not exist yet.
    return { ...NONE, missing: open.size };
  }
}

/** Checks the windows. Those that end later than the expected ones are ignored. */
async function compareWindows({ query, database }: Testbed, { windowResults }: Outcome): Promise<Counts> {
  const latest = Math.max(0, ...Array.from(windowResults, (each) => Number(each.split(' ')[1])));
  try {
    const rows = await query<{ line: string }>(
      `SELECT concat(key, ' ', toString(toUnixTimestamp64Milli(time)), ' ', toString(facts['readings']), ' ', toString(toInt64(facts['total']))) AS line
       FROM ${database}.facts WHERE toUnixTimestamp64Milli(time) <= ${latest}`,
    );
    return compare(
      'window',
      rows.map(({ line }) => line),
      windowResults,
    );
  } catch {
    // The table does not exist yet.
    return { ...NONE, missing: windowResults.size };
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
