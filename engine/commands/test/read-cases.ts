import { type Document, type Path, parseDocument } from '../../document/document.ts';
import { type Fault, locateFaults } from '../../document/fault.ts';
import type { Problem } from '../../document/problem.ts';
import { createValidator } from '../../document/validator.ts';
import { CASE_START, type Case, type CaseFile } from './case-file.ts';
import { writeJournal } from './case-journal.ts';
import { caseSchema } from './case-schema.ts';
import { type CaseSetup, type CompiledCase, compileCase } from './compile-case.ts';
import { parseInstant } from './instants.ts';
import { SECTIONS } from './observe.ts';
import { readSteps } from './read-steps.ts';
import type { CaseRun } from './run-case.ts';

const validate = createValidator(caseSchema);

/** A case that is ready to run. */
export interface ReadyCase {
  readonly testCase: Case;
  /** Line of the file on which it begins, from 1. */
  readonly line: number;
  readonly run: CaseRun;
}

/**
 * Reads a file of cases. Returns all problems of all cases, including warnings about their rules, and the cases without errors.
 */
export function readCases(file: string, text: string, setup: CaseSetup): { cases: ReadyCase[]; problems: Problem[] } {
  const document = parseDocument(file, text);
  if (document.broken) return { cases: [], problems: [...document.problems] };
  const structural = locateFaults(document, validate(document.value));
  if (structural.length > 0) return { cases: [], problems: structural };
  const problems: Problem[] = [];
  const cases: ReadyCase[] = [];
  (document.value as CaseFile).cases.forEach((testCase, i) => {
    const path = ['cases', i];
    const read = readCase(testCase, path, document, setup);
    problems.push(...read.problems);
    if (read.run !== undefined) cases.push({ testCase, ...document.at(path, 'value'), run: read.run });
  });
  return { cases, problems };
}

function readCase(
  testCase: Case,
  path: Path,
  document: Document,
  setup: CaseSetup,
): { run: CaseRun | undefined; problems: Problem[] } {
  const { compiled, problems } = compileCase(setup, testCase, path, document);
  if (compiled === undefined) return { run: undefined, problems };
  const faults: Fault[] = [...checkExpectations(testCase, path, compiled)];
  const startAt = readStart(testCase.start ?? CASE_START);
  if (startAt === undefined) {
    const message = `\`start\` is "${testCase.start}", which no calendar has.`;
    faults.push({ code: 'bad-format', path: [...path, 'start'], message, remedy: `Write it like "${CASE_START}".` });
    return { run: undefined, problems: [...problems, ...locateFaults({ ...document, problems: [] }, faults)] };
  }
  const actions = readSteps(testCase, compiled, startAt, (i) => (key, fault, which) => {
    faults.push({ ...fault, path: [...path, 'readings', i, key], ...(which !== undefined && { which }) });
  });
  const untilMs = testCase.until === undefined ? undefined : parseInstant(testCase.until);
  const records = writeJournal(actions, { startAt, ticks: testCase.ticks ?? true, untilMs });
  const located = faults.length === 0 ? [] : locateFaults({ ...document, problems: [] }, faults);
  const run = located.length === 0 ? { compiled, startAt, records } : undefined;
  return { run, problems: [...problems, ...located] };
}

/** Milliseconds since the epoch; undefined if there is no such day or time. */
function readStart(text: string): number | undefined {
  const at = Date.parse(text);
  // Date.parse reads the 30th of February as the 2nd of March.
  const exists =
    !Number.isNaN(at) && new Date(at).toISOString().startsWith(text.slice(0, 'yyyy-mm-ddThh:mm:ss'.length));
  return exists ? at : undefined;
}

/** Checks that a case has expectations, and that each names a rule of the case; the rule is optional if there is only one. */
function checkExpectations(testCase: Case, path: Path, { rules }: CompiledCase): Fault[] {
  const names = rules.map(({ name }) => name);
  const faults: Fault[] = [];
  if (!SECTIONS.some((section) => testCase[section] !== undefined)) {
    const message = 'The case expects nothing, so it cannot fail.';
    const remedy = `Add one of ${SECTIONS.join(', ')}; an empty list means that there must be none.`;
    faults.push({ code: 'missing-key', path, message, remedy });
  }
  for (const section of ['windows', 'alerts', 'events'] as const) {
    testCase[section]?.forEach(({ rule }, i) => {
      if (rule === undefined ? names.length === 1 : names.includes(rule)) return;
      const message =
        rule === undefined ? 'The expectation does not name its rule.' : `The case has no rule "${rule}".`;
      const at = [...path, section, i, ...(rule === undefined ? [] : ['rule'])];
      faults.push({ code: 'unknown-rule', path: at, message, remedy: `The rules are: ${names.join(', ')}.` });
    });
  }
  return faults;
}
