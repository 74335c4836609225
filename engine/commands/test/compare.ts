import type { Case } from './case-file.ts';
import { formatInstant, parseExactInstant } from './instants.ts';
import { type CaseOutcome, type Entry, SECTIONS, type Section } from './observe.ts';
import { DEFAULT_DEVICE, defaultLabel } from './read-readings.ts';
import type { Stage } from './stage.ts';

/** One thing that happened otherwise than expected. */
export interface Difference {
  readonly section: Section;
  /** What it is about, in words. */
  readonly what: string;
  /** What was expected of it, and what was found, as JSON; undefined where it was not expected, or not found, at all. */
  readonly expected: string | undefined;
  readonly found: string | undefined;
}

/** Numbers that agree to this part of themselves are equal: how a sum rounds is not what a case is about. */
const TOLERANCE = 1e-9;

/** Keys that hold instants; in alerts and devices, `from` and `to` are states. */
const INSTANTS: Readonly<Record<Section, readonly string[]>> = {
  windows: ['from', 'to', 'closed'],
  facts: ['at', 'from'],
  alerts: ['at', 'since', 'recorded'],
  events: ['at'],
  devices: ['at'],
  late: ['at'],
  rejected: ['at'],
};

/** By what entries are told apart. */
const IDENTITY: Readonly<Record<Section, readonly string[]>> = {
  windows: ['rule', 'key', 'from', 'to'],
  facts: ['rule', 'key', 'at'],
  alerts: ['rule', 'key', 'at', 'to'],
  events: ['rule', 'key', 'at', 'type'],
  devices: ['device', 'at', 'to'],
  late: ['device', 'at'],
  rejected: ['at', 'reason'],
};

/** Whose entries stand in order; those of others may stand anywhere between them. */
const OWNER: Readonly<Record<Section, readonly string[]>> = {
  windows: ['rule', 'key'],
  facts: ['rule', 'key'],
  alerts: ['rule', 'key'],
  events: ['rule', 'key'],
  devices: ['device'],
  late: ['device'],
  rejected: [],
};

/** Everything in which the course of a case differs from what it expects; empty where it is as expected. */
export function compare(of: Case, course: CaseOutcome, stage: Stage): Difference[] {
  return SECTIONS.flatMap((section) => {
    const expected = of[section];
    if (expected === undefined) return [];
    return compareSection(
      section,
      expected.map((entry) => normalize(section, { ...entry }, stage)),
      course[section],
    );
  });
}

/** A difference on one line. */
export function formatDifference({ section, what, expected, found }: Difference): string {
  if (expected === undefined) return `${section}: ${what}: not expected, found ${found}`;
  if (found === undefined) return `${section}: ${what}: expected, not found`;
  return `${section}: ${what}: expected ${expected}, found ${found}`;
}

/** Fills in what may be left out of an expectation, and writes its instants in the one way. */
function normalize(section: Section, entry: Entry, { rules, plan }: Stage): Entry {
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
    const mine = (entry: Entry) => ownerOf(entry) === owner;
    return compareInOrder(section, expected.filter(mine), found.filter(mine));
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
    // A window, or a view, has no facts but those of its rule, so that it can be said of each what it is.
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
  const of = (key: string) => String(entry[key]);
  switch (section) {
    case 'windows':
      return `${of('rule')} of "${of('key')}" from ${of('from')} to ${of('to')}`;
    case 'facts':
      return `${of('rule')} of "${of('key')}" at ${of('at')}`;
    case 'alerts':
      return `${of('rule')} of "${of('key')}" at ${of('at')} ${of('to')}`;
    case 'events':
      return `${of('rule')} of "${of('key')}" at ${of('at')} ${of('type')}`;
    case 'devices':
      return `${of('device')} at ${of('at')} ${of('to')}`;
    case 'late':
      return `${of('device')} at ${of('at')}`;
    case 'rejected':
      return `${of('reason')} at ${of('at')}`;
  }
}

function show(value: unknown): string {
  return value === undefined ? 'nothing' : JSON.stringify(value);
}
