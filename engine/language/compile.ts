import { createHash } from 'node:crypto';
import type { StreamConfig } from '../model/config.ts';
import type { Document } from '../model/locate.ts';
import type {
  DerivedRule,
  Judge,
  Keying,
  Plan,
  ReadingRule,
  RulePlan,
  SilenceRule,
  StreamPlan,
  WindowRule,
} from '../model/plan.ts';
import type { Problem } from '../model/problem.ts';
import type { FieldValue } from '../model/reading.ts';
import { type Fault, locateFaults } from '../model/report.ts';
import type { RuleFile, TopCondition } from '../model/rule.ts';
import { suggest } from '../model/suggest.ts';
import { cluesOf, cluesOfRule } from './clues.ts';
import { type CompiledCondition, compileCondition } from './conditions.ts';
import { planClosed, planDerived } from './derived.ts';
import { compileLevels } from './levels.ts';
import { planAggregates } from './plan-aggregates.ts';
import { planLifecycle, planSilence } from './plan-lifecycle.ts';
import { planWindow } from './plan-window.ts';
import { indexRules } from './rule-index.ts';
import { checkMessage, compileRuleMessage } from './rule-message.ts';
import { type Report, readingScope, rememberingScope, type Scope, windowScope } from './scope.ts';
import type { Shared } from './shared.ts';
import { unitsOf } from './units.ts';
import { type Uses, usesOfRule } from './uses.ts';

/** A rule file whose structure is sound, with the places of everything in it. */
export interface ParsedRule {
  readonly rule: RuleFile;
  readonly document: Document;
}

/**
 * Compiles streams and rules into a plan. All problems of all rules are found at once; the plan holds the rules that have no error,
 * highest priority first, else in the order given. `shared` is what rules may refer to by name.
 */
export function compilePlan(
  streams: readonly StreamConfig[],
  parsed: readonly ParsedRule[],
  shared?: Shared,
): { plan: Plan; problems: Problem[] } {
  const problems: Problem[] = [];
  const keyings = streams.map((): Keying[] => [{ index: 0, per: ['device'], parts: [-1], byDevice: true }]);
  const drafts: { readonly draft: Draft; readonly priority: number }[] = [];
  const files = new Map<string, string>();
  for (const { rule, document } of parsed) {
    const faults: Fault[] = [];
    const report: Report = (path, fault) => faults.push({ ...fault, path });
    const known = files.get(rule.name);
    if (known !== undefined) {
      const message = `another rule, in ${known}, is named "${rule.name}" too`;
      report(['name'], { code: 'duplicate-name', message, remedy: 'Give each rule a name of its own.' });
    }
    files.set(rule.name, document.file);
    const draft = draftRule(rule, streams, keyings, shared, report);
    const found = locateFaults(document, faults);
    problems.push(...found);
    if (draft === undefined || found.some((problem) => problem.severity === 'error')) continue;
    drafts.push({ draft, priority: rule.priority ?? 1 });
  }
  const rules = place(drafts.sort((a, b) => b.priority - a.priority).map(({ draft }) => draft));
  return { plan: { streams: streams.map((config, i) => planStream(config, i, keyings[i]!, rules)), rules }, problems };
}

/** Numbers the rules, and those of each keying among themselves. */
function place(drafts: readonly Draft[]): RulePlan[] {
  const slots = new Map<Keying, number>();
  return drafts.map((draft, index) => {
    const slot = slots.get(draft.keying) ?? 0;
    slots.set(draft.keying, slot + 1);
    return { ...draft, index, slot };
  });
}

function planStream(
  config: StreamConfig,
  index: number,
  keyings: readonly Keying[],
  rules: readonly RulePlan[],
): StreamPlan {
  const own = rules.filter((rule) => rule.stream === index);
  const silent = own.filter((rule) => rule.kind === 'silence');
  const readingRules = own.filter((rule) => rule.kind === 'reading' || rule.kind === 'derived');
  const windowRules = own.filter((rule) => rule.kind === 'window');
  return {
    index,
    name: config.name,
    config,
    keyings,
    readingRules,
    windowRules,
    readingIndex: indexRules(readingRules),
    windowIndex: indexRules(windowRules),
    silenceRules: keyings.map((keying) => silent.filter((rule) => rule.keying === keying)),
    hasSilence: silent.length > 0,
  };
}

/** A rule that does not know its place among the others yet. */
type Draft = Unplaced<ReadingRule> | Unplaced<DerivedRule> | Unplaced<WindowRule> | Unplaced<SilenceRule>;
type Unplaced<R> = Omit<R, 'index' | 'slot'>;

function draftRule(
  rule: RuleFile,
  streams: readonly StreamConfig[],
  keyings: readonly Keying[][],
  shared: Shared | undefined,
  report: Report,
): Draft | undefined {
  const index = streams.findIndex((stream) => stream.name === rule.stream);
  const stream = streams[index];
  if (stream === undefined) {
    const names = streams.map((each) => each.name);
    const close = suggest(rule.stream, names);
    const remedy = close === undefined ? `The config has: ${names.join(', ')}.` : `Did you mean "${close}"?`;
    report(['stream'], { code: 'unknown-stream', message: `the config has no stream "${rule.stream}"`, remedy });
    return undefined;
  }
  const keying = keyingOf(rule, stream, keyings[index]!, report);
  const uses = usesOfRule(rule, shared?.conditions ?? {});
  const base = { ...baseOf(rule, stream, index, keying), version: versionOf(rule, uses, shared) };
  const reading = readingScope(stream, shared ?? {});
  if (rule.silence !== undefined) {
    checkMessage(rule, ['silentFor', 'reason', 'key', ...keying.per], base.units, report);
    return { ...base, kind: 'silence', silenceMs: planSilence(rule) };
  }
  const where = rule.where && compileAt(rule.where, 'where', reading, report)?.test;
  const clued = { stream, definitions: reading };
  if (rule.window === undefined && (rule.facts !== undefined || uses.changed)) {
    const { running, formulas, ...derived } = planDerived(rule, stream, reading, report);
    const { scope, remembered } = rememberingScope(derived.scope);
    const judge = judgeOf(rule, scope, report);
    checkMessage(rule, ['key', ...scope.names], base.units, report);
    // What remembers must see every reading that `where` lets through.
    const remembers = running.length + remembered.length > 0;
    const clues = remembers ? cluesOf([rule.where], clued) : cluesOfRule(rule, clued);
    return judge && { ...base, kind: 'derived', where, clues, running, formulas, remembered, judge };
  }
  if (rule.window === undefined) {
    const judge = judgeOf(rule, reading, report);
    checkMessage(rule, ['key', ...reading.names], base.units, report);
    return judge && { ...base, kind: 'reading', where, clues: cluesOfRule(rule, clued), judge };
  }
  const closed = windowScope(rule, keying, stream.fields, reading);
  const { formulas, ...calculated } = planClosed(rule, stream, closed, report);
  const { scope, remembered } = rememberingScope(calculated.scope);
  const judge = judgeOf(rule, scope, report);
  checkMessage(rule, ['key', ...scope.names], base.units, report);
  const aggregates = planAggregates(rule, stream, reading, report);
  const window = planWindow(rule.window, { keying, aggregates, scope: reading, report });
  const clues = cluesOf([rule.where], clued);
  return judge && window && { ...base, kind: 'window', where, clues, window, formulas, remembered, judge };
}

function baseOf(rule: RuleFile, config: StreamConfig, stream: number, keying: Keying) {
  const { type, params = {} } = rule.event;
  const template = params.message ?? `${rule.name}: {{key}}`;
  const units = unitsOf(rule, config);
  const lifecycle = planLifecycle(rule);
  return {
    name: rule.name,
    stream,
    keying,
    type,
    severity: lifecycle.levels[0]!.severity,
    params,
    lifecycle,
    message: compileRuleMessage(template, units),
    units,
  } as const;
}

/** Hash of everything that gives the rule its meaning, with what it refers to by name; its description and schema do not. */
function versionOf(rule: RuleFile, uses: Uses, shared: Shared | undefined): string {
  const { $schema: _schema, description: _description, ...meaning } = rule;
  const pick = (from: object = {}, names: ReadonlySet<string>) =>
    Object.fromEntries(Object.entries(from).filter(([name]) => names.has(name)));
  const conditions = pick(shared?.conditions, uses.conditions);
  const lists = pick(shared?.lists, uses.lists);
  const referred = uses.conditions.size + uses.lists.size > 0 ? [{ conditions, lists }] : [];
  return createHash('sha256')
    .update([meaning, ...referred].map((part) => JSON.stringify(sortKeys(part))).join('\n'))
    .digest('hex')
    .slice(0, 12);
}

function sortKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortKeys);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, part]) => [key, sortKeys(part)]));
}

function keyingOf(rule: RuleFile, stream: StreamConfig, known: Keying[], report: Report): Keying {
  const per = rule.per ?? ['device'];
  const labels = stream.labels.map((label) => label.name);
  const parts = per.map((name, i) => {
    const label = labels.indexOf(name);
    if (name !== 'device' && label < 0) {
      const close = suggest(name, ['device', ...labels]);
      report(['per', i], {
        code: 'unknown-label',
        message: `stream "${stream.name}" has no label "${name}"`,
        remedy: close === undefined ? `It has: ${['device', ...labels].join(', ')}.` : `Did you mean "${close}"?`,
      });
    }
    return name === 'device' ? -1 : label;
  });
  const same = known.find(
    (keying) => keying.per.length === per.length && keying.per.every((name, i) => name === per[i]),
  );
  if (same !== undefined) return same;
  const keying = { index: known.length, per, parts, byDevice: false };
  known.push(keying);
  return keying;
}

function compileAt<E>(
  condition: TopCondition,
  key: string,
  scope: Scope<E>,
  report: Report,
): CompiledCondition<E> | undefined {
  const { compiled, problems } = compileCondition(condition, scope);
  for (const { path, ...problem } of problems) report([key, ...path], problem);
  return compiled;
}

function judgeOf<E>(rule: RuleFile, scope: Scope<E>, report: Report): Judge<E> | undefined {
  const getters = scope.names.map((name) => [name, scope.resolve(name)!] as const);
  const facts = (env: E) => {
    const values: Record<string, FieldValue | null> = {};
    for (const [name, get] of getters) values[name] = get(env) ?? null;
    return values;
  };
  if (rule.levels !== undefined) {
    const levels = compileLevels(rule.levels, scope, report);
    return levels && { ...levels, facts };
  }
  const conditions = rule.conditions && compileAt(rule.conditions, 'conditions', scope, report);
  const clear = rule.clear && compileAt(rule.clear, 'clear', scope, report);
  if (conditions === undefined) return undefined;
  return {
    holds: conditions.test,
    clears: clear?.test,
    facts,
    outcomes: (env, clearing) => [
      ...conditions.explain(env),
      ...(clearing && clear !== undefined ? clear.explain(env) : []),
    ],
  };
}
