import type { Case } from './case-file.ts';
import type { CompiledCase } from './compile-case.ts';
import { formatInstant, parseExactInstant } from './instants.ts';
import { type CaseOutcome, type Entry, SECTIONS, type Section } from './observe.ts';
import { DEFAULT_DEVICE, defaultLabel } from './read-readings.ts';

/** A difference between the outcome and the expectations. */
export interface Difference {
  readonly section: Section;
  /** The entry, and the key if only one of its values differs, in words. */
  readonly what: string;
  /** The expected and the found value as JSON. Undefined if the entry was not expected, or not found. */
  readonly expected: string | undefined;
  readonly found: string | undefined;
}

/** Relative difference up to which numbers are equal: a case does not test the rounding of sums. */
const TOLERANCE = 1e-9;

/** Keys of instants. In alerts and devices, `from` and `to` are states, not instants. */
const INSTANTS: Readonly<Record<Section, readonly string[]>> = {
  windows: ['from', 'to', 'closed'],
  facts: ['at', 'from'],
  alerts: ['at', 'since', 'recorded'],
  events: ['at'],
  devices: ['at'],
  late: ['at'],
  rejected: ['at'],
};

/** Keys that identify an entry. */
const IDENTITY: Readonly<Record<Section, readonly string[]>> = {
  windows: ['rule', 'key', 'from', 'to'],
  facts: ['rule', 'key', 'at'],
  alerts: ['rule', 'key', 'at', 'to'],
  events: ['rule', 'key', 'at', 'type'],
  devices: ['device', 'at', 'to'],
  late: ['device', 'at'],
  rejected: ['at', 'reason'],
};

/** Keys of the owner of an entry. Entries of one owner are compared in order; entries of others may be between them. */
const OWNER: Readonly<Record<Section, readonly string[]>> = {
  windows: ['rule', 'key'],
  facts: ['rule', 'key'],
  alerts: ['rule', 'key'],
  events: ['rule', 'key'],
  devices: ['device'],
  late: ['device'],
  rejected: [],
};

/** All differences between the outcome of a case and its expectations. */
export function compare(testCase: Case, outcome: CaseOutcome, compiled: CompiledCase): Difference[] {
  return SECTIONS.flatMap((section) => {
    const expected = testCase[section];
    if (expected === undefined) return [];
    return compareSection(
      section,
      expected.map((entry) => normalize(section, { ...entry }, compiled)),
      outcome[section],
    );
  });
}

/** A difference as one line of text. */
export function formatDifference({ section, what, expected, found }: Difference): string {
  if (expected === undefined) return `${section}: ${what}: not expected, found ${found}`;
  if (found === undefined) return `${section}: ${what}: expected, not found`;
  return `${section}: ${what}: expected ${expected}, found ${found}`;
}

/** Adds the defaults of an expectation, and writes its instants in the standard form. */
function normalize(section: Section, entry: Entry, { rules, plan }: CompiledCase): Entry {
  const full: Record<string, unknown> = { ...entry };
  if (OWNER[section].includes('device')) full.device ??= DEFAULT_DEVICE;
  if (OWNER[section].includes('rule')) {
    full.rule ??= rules[0]?.name;
    const per = plan.rules.find(({ name }) => name === full.rule)?.keying.per ?? [];
    full.key ??=
      full.type === 'limited'
        ? ''
        : per.map((name) => (name === 'device' ? DEFAULT_DEVICE : defaultLabel(name))).join('|');
  }
  const write = (text: unknown) => formatInstant(parseExactInstant(String(text)));
  for (const key of INSTANTS[section]) if (full[key] !== undefined) full[key] = write(full[key]);
  const { evidence } = full as { evidence?: { from: string; to: string } };
  if (evidence !== undefined) full.evidence = { from: write(evidence.from), to: write(evidence.to) };
  return full;
}

function compareSection(section: Section, expected: readonly Entry[], found: readonly Entry[]): Difference[] {
  const ownerOf = (entry: Entry) => JSON.stringify(OWNER[section].map((key) => entry[key]));
  const owners = [...new Set([...expected, ...found].map(ownerOf))];
  return owners.flatMap((owner) => {
    const isOwned = (entry: Entry) => ownerOf(entry) === owner;
    return compareInOrder(section, expected.filter(isOwned), found.filter(isOwned));
  });
}

function compareInOrder(section: Section, expected: readonly Entry[], found: readonly Entry[]): Difference[] {
  const idOf = (entry: Entry) => JSON.stringify(IDENTITY[section].map((key) => entry[key]));
  const differences: Difference[] = [];
  let next = 0;
  for (const entry of expected) {
    const at = found.findIndex((other, i) => i >= next && idOf(other) === idOf(entry));
    if (at < 0) {
      differences.push({ section, what: describe(section, entry), expected: show(entry), found: undefined });
      continue;
    }
    for (; next < at; next++) differences.push(unexpected(section, found[next]!));
    differences.push(...compareEntry(section, entry, found[at]!));
    next = at + 1;
  }
  for (; next < found.length; next++) differences.push(unexpected(section, found[next]!));
  return differences;
}

function unexpected(section: Section, entry: Entry): Difference {
  return { section, what: describe(section, entry), expected: undefined, found: show(entry) };
}

function compareEntry(section: Section, expected: Entry, found: Entry): Difference[] {
  return Object.entries(expected).flatMap(([key, value]): Difference[] => {
    if (key !== 'facts') return compareValue(section, expected, key, value, found[key]);
    const values = value as Entry;
    const others = (found.facts ?? {}) as Entry;
    // A window or view has only the facts of its rule, so the case must expect all of them.
    const names =
      section === 'windows' || section === 'facts'
        ? [...Object.keys(values), ...Object.keys(others)]
        : Object.keys(values);
    return [...new Set(names)].flatMap((name) =>
      compareValue(section, expected, `fact ${name}`, values[name], others[name]),
    );
  });
}

function compareValue(section: Section, entry: Entry, key: string, expected: unknown, found: unknown): Difference[] {
  if (isEqual(expected, found)) return [];
  const what = `${describe(section, entry)}: ${key}`;
  return [{ section, what, expected: show(expected), found: show(found) }];
}

function isEqual(expected: unknown, found: unknown): boolean {
  if (typeof expected === 'number' && typeof found === 'number') {
    return (
      expected === found || Math.abs(expected - found) <= TOLERANCE * Math.max(Math.abs(expected), Math.abs(found))
    );
  }
  if (typeof expected === 'object' && expected !== null && 'atLeast' in expected) {
    const { atLeast, atMost } = expected as { atLeast: number; atMost: number };
    return typeof found === 'number' && found >= atLeast && found <= atMost;
  }
  return show(expected) === show(found);
}

function describe(section: Section, entry: Entry): string {
  const value = (key: string) => String(entry[key]);
  switch (section) {
    case 'windows':
      return `${value('rule')} of "${value('key')}" from ${value('from')} to ${value('to')}`;
    case 'facts':
      return `${value('rule')} of "${value('key')}" at ${value('at')}`;
    case 'alerts':
      return `${value('rule')} of "${value('key')}" at ${value('at')} ${value('to')}`;
    case 'events':
      return `${value('rule')} of "${value('key')}" at ${value('at')} ${value('type')}`;
    case 'devices':
      return `${value('device')} at ${value('at')} ${value('to')}`;
    case 'late':
      return `${value('device')} at ${value('at')}`;
    case 'rejected':
      return `${value('reason')} at ${value('at')}`;
  }
}

function show(value: unknown): string {
  return value === undefined ? 'nothing' : JSON.stringify(value);
}
