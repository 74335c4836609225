import type { Document, Path } from '../../document/document.ts';
import type { Problem } from '../../document/problem.ts';
import { parseRuleFile } from '../../language/check/rule-file.ts';
import { compilePlan, type ParsedRule } from '../../language/compile/compile-plan.ts';
import { parseSharedFile, type Shared } from '../../language/shared-file.ts';
import type { StreamConfig } from '../../model/config.ts';
import type { Plan } from '../../model/plan/plan.ts';
import type { RuleFile } from '../../model/rule.ts';
import type { Case } from './case-file.ts';

/** The setup for cases: streams, and the rules of cases that have none. */
export interface CaseSetup {
  readonly streams: readonly StreamConfig[];
  readonly rules: readonly ParsedRule[];
  readonly shared?: Shared;
  readonly maxAheadMs: number;
}

/** A case with its compiled rules. Its streams have a simple message format. */
export interface CompiledCase {
  readonly streams: readonly StreamConfig[];
  readonly rules: readonly RuleFile[];
  readonly plan: Plan;
  readonly maxAheadMs: number;
}

/** Name of the only broker of a case. */
export const BROKER = 'broker';

/** Compiles the rules of a case. The problems include warnings; if one is an error, `compiled` is undefined. */
export function compileCase(
  setup: CaseSetup,
  testCase: Case,
  path: Path,
  document: Document,
): { compiled: CompiledCase | undefined; problems: Problem[] } {
  const streams = setup.streams.map(plainStream);
  const problems: Problem[] = [];
  const parsed: ParsedRule[] = [];
  if (testCase.rule !== undefined)
    parsed.push(...readDraft(testCase.rule, [...path, 'rule'], document, streams, problems));
  testCase.rules?.forEach((rule, i) => {
    parsed.push(...readDraft(rule, [...path, 'rules', i], document, streams, problems));
  });
  const shared = readShared(setup, testCase, [...path, 'shared'], document, problems);
  const result = compilePlan(streams, parsed.length > 0 ? parsed : setup.rules, shared, { attributes: true });
  problems.push(...result.problems);
  const rules = (parsed.length > 0 ? parsed : setup.rules).map(({ rule }) => rule);
  if (rules.length === 0 && problems.length === 0) {
    const message = 'The case has no rule.';
    const remedy = 'Add "rule": { … }.';
    problems.push({
      code: 'missing-key',
      severity: 'error',
      file: document.file,
      ...document.at(path, 'value'),
      message,
      remedy,
    });
  }
  const failed = problems.some(({ severity }) => severity === 'error');
  const { maxAheadMs } = setup;
  return { compiled: failed ? undefined : { streams, rules, plan: result.plan, maxAheadMs }, problems };
}

/** Conditions of a rule that has only an event. */
const NEVER = { conditions: { not: { all: [] } } };

/** Parses a rule of a case after adding its absent keys. Problems have their place in the file of cases. */
function readDraft(
  draft: object,
  path: Path,
  document: Document,
  streams: readonly StreamConfig[],
  problems: Problem[],
): ParsedRule[] {
  const name = 'name' in draft ? String(draft.name) : 'rule';
  const hasConditions = ['conditions', 'levels', 'silence', 'sequence'].some((key) => Object.hasOwn(draft, key));
  const isView = !hasConditions && Object.hasOwn(draft, 'facts') && !Object.hasOwn(draft, 'event');
  const alert = { ...(!hasConditions && NEVER), event: { type: name } };
  const filled = { name, stream: streams[0]?.name, ...(!isView && alert), ...draft };
  const { rule, problems: found } = parseRuleFile(document.file, JSON.stringify(filled));
  // The exact place inside the rule is unknown, because the filled rule has another text.
  for (const problem of found) problems.push({ ...problem, ...document.at(path, 'key') });
  if (rule === undefined) return [];
  const at: Document['at'] = (inner, which) => document.at([...path, ...inner], which);
  return [{ rule, document: { ...document, problems: [], at } }];
}

function readShared(
  setup: CaseSetup,
  testCase: Case,
  path: Path,
  document: Document,
  problems: Problem[],
): Shared | undefined {
  if (testCase.shared === undefined) return setup.shared;
  const { shared, problems: found } = parseSharedFile(document.file, JSON.stringify(testCase.shared));
  for (const problem of found) problems.push({ ...problem, ...document.at(path, 'key') });
  return shared;
}

/**
 * The stream with a simple JSON format for its messages. It keeps the declarations: names, types, units, and whether a reading has a
 * timestamp.
 */
function plainStream(stream: StreamConfig, index: number): StreamConfig {
  const { broker: _broker, each: _each, sequence: _sequence, time, ...declared } = stream;
  return {
    ...declared,
    topic: dataTopic(index),
    format: 'json',
    device: { path: 'device' },
    labels: stream.labels.map(({ name }, i) => ({ name, place: { path: `labels.${i}` } })),
    fields: stream.fields.map((field, i) => ({ ...field, path: `fields.${i}` })),
    ...(time !== undefined && { time: { path: 'time', unit: 'ms' } }),
    undeclared: 'ignore',
    status: { topic: statusTopic(index, '{device}'), offline: ['offline'], online: ['online'] },
    limits: { ...stream.limits, bytes: 1_000_000, depth: 16, fields: 10_000, readings: 1_000 },
  };
}

/** Topic of the readings of a plain stream. */
export function dataTopic(stream: number): string {
  return `data/${stream}`;
}

/** Topic of the birth messages and last wills of a plain stream. */
export function statusTopic(stream: number, device: string): string {
  return `status/${stream}/${device}`;
}
