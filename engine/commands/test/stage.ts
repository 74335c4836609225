import type { Document, Path } from '../../document/document.ts';
import type { Problem } from '../../document/problem.ts';
import { parseRuleFile } from '../../language/check/rule-file.ts';
import { compilePlan, type ParsedRule } from '../../language/compile/compile-plan.ts';
import { parseSharedFile, type Shared } from '../../language/shared-file.ts';
import type { StreamConfig } from '../../model/config.ts';
import type { Plan } from '../../model/plan/plan.ts';
import type { RuleFile } from '../../model/rule.ts';
import type { Case } from './case-file.ts';

/** What cases are played on: streams, and the rules for a case that brings none. */
export interface Setting {
  readonly streams: readonly StreamConfig[];
  readonly rules: readonly ParsedRule[];
  readonly shared?: Shared;
  readonly maxAheadMs: number;
}

/** The setting of one case: its rules compiled, for streams whose messages are easily written. */
export interface Stage {
  readonly streams: readonly StreamConfig[];
  readonly rules: readonly RuleFile[];
  readonly plan: Plan;
  readonly maxAheadMs: number;
}

/** The only broker of a stage. */
export const BROKER = 'broker';

/** Sets a case up. Problems are those of its rules, warnings among them; without a stage where one is an error. */
export function setStage(
  setting: Setting,
  of: Case,
  path: Path,
  document: Document,
): { stage: Stage | undefined; problems: Problem[] } {
  const streams = setting.streams.map(plainStream);
  const problems: Problem[] = [];
  const parsed: ParsedRule[] = [];
  if (of.rule !== undefined) parsed.push(...readDraft(of.rule, [...path, 'rule'], document, streams, problems));
  of.rules?.forEach((rule, i) => {
    parsed.push(...readDraft(rule, [...path, 'rules', i], document, streams, problems));
  });
  const shared = readShared(setting, of, [...path, 'shared'], document, problems);
  const compiled = compilePlan(streams, parsed.length > 0 ? parsed : setting.rules, shared, { attributes: true });
  problems.push(...compiled.problems);
  const rules = (parsed.length > 0 ? parsed : setting.rules).map(({ rule }) => rule);
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
  const { maxAheadMs } = setting;
  return { stage: failed ? undefined : { streams, rules, plan: compiled.plan, maxAheadMs }, problems };
}

/** Conditions of a rule whose event alone is given. */
const NEVER = { conditions: { not: { all: [] } } };

/** A rule with what it leaves out, and its problems at their places in the file of cases. */
function readDraft(
  draft: object,
  path: Path,
  document: Document,
  streams: readonly StreamConfig[],
  problems: Problem[],
): ParsedRule[] {
  const name = 'name' in draft ? String(draft.name) : 'rule';
  const judges = ['conditions', 'levels', 'silence', 'sequence'].some((key) => Object.hasOwn(draft, key));
  const isView = !judges && Object.hasOwn(draft, 'facts') && !Object.hasOwn(draft, 'event');
  const alert = { ...(!judges && NEVER), event: { type: name } };
  const filled = { name, stream: streams[0]?.name, ...(!isView && alert), ...draft };
  const { rule, problems: found } = parseRuleFile(document.file, JSON.stringify(filled));
  // Where in the rule, only its own text could tell.
  for (const problem of found) problems.push({ ...problem, ...document.at(path, 'key') });
  if (rule === undefined) return [];
  const at: Document['at'] = (inner, which) => document.at([...path, ...inner], which);
  return [{ rule, document: { ...document, problems: [], at } }];
}

function readShared(
  setting: Setting,
  of: Case,
  path: Path,
  document: Document,
  problems: Problem[],
): Shared | undefined {
  if (of.shared === undefined) return setting.shared;
  const { shared, problems: found } = parseSharedFile(document.file, JSON.stringify(of.shared));
  for (const problem of found) problems.push({ ...problem, ...document.at(path, 'key') });
  return shared;
}

/**
 * The stream, with messages that say everything in one plain way. What is declared stays: names, types, units, and whether a reading has a
 * time of its own.
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

/** Topic of a plain stream's readings. */
export function dataTopic(stream: number): string {
  return `data/${stream}`;
}

/** Topic of a plain stream's births and last wills. */
export function statusTopic(stream: number, device: string): string {
  return `status/${stream}/${device}`;
}
