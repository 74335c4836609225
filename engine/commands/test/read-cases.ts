import { type Document, type Path, parseDocument } from '../../document/document.ts';
import { type Fault, locateFaults } from '../../document/fault.ts';
import type { Problem } from '../../document/problem.ts';
import { createValidator } from '../../document/validator.ts';
import { CASE_START, type Case, type CaseFile } from './case-file.ts';
import { writeJournal } from './case-journal.ts';
import { caseSchema } from './case-schema.ts';
import { parseInstant } from './instants.ts';
import { SECTIONS } from './observe.ts';
import { readSteps } from './read-steps.ts';
import type { CaseRun } from './run-case.ts';
import { type Setting, type Stage, setStage } from './stage.ts';

const validate = createValidator(caseSchema);

/** A case with all that it takes to play it. */
export interface ReadyCase {
  readonly of: Case;
  /** Line of the file on which it begins, from 1. */
  readonly line: number;
  readonly rehearsal: CaseRun;
}

/**
 * Reads a file of cases. All problems of all cases are found at once, warnings about their rules among them; the cases that have no
 * error are ready.
 */
export function readCases(file: string, text: string, setting: Setting): { cases: ReadyCase[]; problems: Problem[] } {
  const document = parseDocument(file, text);
  if (document.broken) return { cases: [], problems: [...document.problems] };
  const structural = locateFaults(document, validate(document.value));
  if (structural.length > 0) return { cases: [], problems: structural };
  const problems: Problem[] = [];
  const cases: ReadyCase[] = [];
  (document.value as CaseFile).cases.forEach((of, i) => {
    const path = ['cases', i];
    const read = readCase(of, path, document, setting);
    problems.push(...read.problems);
    if (read.rehearsal !== undefined) cases.push({ of, ...document.at(path, 'value'), rehearsal: read.rehearsal });
  });
  return { cases, problems };
}

function readCase(
  of: Case,
  path: Path,
  document: Document,
  setting: Setting,
): { rehearsal: CaseRun | undefined; problems: Problem[] } {
  const { stage, problems } = setStage(setting, of, path, document);
  if (stage === undefined) return { rehearsal: undefined, problems };
  const faults: Fault[] = [...checkExpectations(of, path, stage)];
  const startAt = readStart(of.start ?? CASE_START);
  if (startAt === undefined) {
    const message = `\`start\` is "${of.start}", which no calendar has.`;
    faults.push({ code: 'bad-format', path: [...path, 'start'], message, remedy: `Write it like "${CASE_START}".` });
    return { rehearsal: undefined, problems: [...problems, ...locateFaults({ ...document, problems: [] }, faults)] };
  }
  const happenings = readSteps(of, stage, startAt, (i) => (key, fault, which) => {
    faults.push({ ...fault, path: [...path, 'readings', i, key], ...(which !== undefined && { which }) });
  });
  const untilMs = of.until === undefined ? undefined : parseInstant(of.until);
  const records = writeJournal(happenings, { startAt, ticks: of.ticks ?? true, untilMs });
  const located = faults.length === 0 ? [] : locateFaults({ ...document, problems: [] }, faults);
  const rehearsal = located.length === 0 ? { stage, startAt, records } : undefined;
  return { rehearsal, problems: [...problems, ...located] };
}

/** Milliseconds since the epoch; undefined where there is no such day or time. */
function readStart(text: string): number | undefined {
  const at = Date.parse(text);
  // Date.parse takes the 30th of February for the 2nd of March.
  const exists =
    !Number.isNaN(at) && new Date(at).toISOString().startsWith(text.slice(0, 'yyyy-mm-ddThh:mm:ss'.length));
  return exists ? at : undefined;
}

/** A case must expect something, of rules that it has; with several rules, it must say of which. */
function checkExpectations(of: Case, path: Path, { rules }: Stage): Fault[] {
  const names = rules.map(({ name }) => name);
  const faults: Fault[] = [];
  if (!SECTIONS.some((section) => of[section] !== undefined)) {
    const message = 'The case expects nothing, so it cannot fail.';
    const remedy = `Add one of ${SECTIONS.join(', ')}; an empty list says that there is none.`;
    faults.push({ code: 'missing-key', path, message, remedy });
  }
  for (const section of ['windows', 'alerts', 'events'] as const) {
    of[section]?.forEach(({ rule }, i) => {
      if (rule === undefined ? names.length === 1 : names.includes(rule)) return;
      const message = rule === undefined ? 'It does not say of which rule.' : `The case has no rule "${rule}".`;
      const at = [...path, section, i, ...(rule === undefined ? [] : ['rule'])];
      faults.push({ code: 'unknown-rule', path: at, message, remedy: `The rules are: ${names.join(', ')}.` });
    });
  }
  return faults;
}
