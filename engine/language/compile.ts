import { createHash } from 'node:crypto';
import type { StreamConfig } from '../model/config.ts';
import { parseDuration } from '../model/duration.ts';
import type { Document } from '../model/locate.ts';
import { compileMessage } from '../model/message.ts';
import type { Judge, Keying, Plan, ReadingRule, RulePlan, SilenceRule, StreamPlan, WindowRule } from '../model/plan.ts';
import type { Problem } from '../model/problem.ts';
import type { FieldValue } from '../model/reading.ts';
import { type Fault, locateFaults } from '../model/report.ts';
import type { RuleFile, TopCondition } from '../model/rule.ts';
import { suggest } from '../model/suggest.ts';
import { type CompiledCondition, compileCondition } from './conditions.ts';
import { planAggregates, type Report, readingScope, type Scope, windowScope } from './scope.ts';

/** A rule file whose structure is sound, with the places of everything in it. */
export interface ParsedRule {
  readonly rule: RuleFile;
  readonly document: Document;
}

/**
 * Compiles streams and rules into a plan. All problems of all rules are found at once; the plan holds the rules that have no error,
 * highest priority first, else in the order given.
 */
export function compilePlan(
  streams: readonly StreamConfig[],
  parsed: readonly ParsedRule[],
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
    const draft = draftRule(rule, streams, keyings, report);
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
  return {
    index,
    name: config.name,
    config,
    keyings,
    readingRules: own.filter((rule) => rule.kind === 'reading'),
    windowRules: own.filter((rule) => rule.kind === 'window'),
    silenceRules: keyings.map((keying) => silent.filter((rule) => rule.keying === keying)),
    hasSilence: silent.length > 0,
  };
}

/** A rule that does not know its place among the others yet. */
type Draft = Unplaced<ReadingRule> | Unplaced<WindowRule> | Unplaced<SilenceRule>;
type Unplaced<R> = Omit<R, 'index' | 'slot'>;

function draftRule(
  rule: RuleFile,
  streams: readonly StreamConfig[],
  keyings: readonly Keying[][],
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
  const base = baseOf(rule, index, keying);
  const reading = readingScope(stream);
  if (rule.silence !== undefined) {
    checkMessage(rule, ['silentFor', 'reason', 'key', ...keying.per], report);
    // A silence that must last is a longer silence.
    const { forMs, keepFiringMs } = base.lifecycle;
    const silenceMs = durationOf(rule.silence) + forMs;
    return { ...base, kind: 'silence', silenceMs, lifecycle: { forMs: 0, keepFiringMs } };
  }
  const where = rule.where && compileAt(rule.where, 'where', reading, report)?.test;
  if (rule.window === undefined) {
    const judge = judgeOf(rule, reading, report);
    checkMessage(rule, ['key', ...reading.names], report);
    return judge && { ...base, kind: 'reading', where, judge };
  }
  const scope = windowScope(rule, keying, stream.fields);
  const judge = judgeOf(rule, scope, report);
  checkMessage(rule, ['key', ...scope.names], report);
  const window = { ...panesOf(rule.window), aggregates: planAggregates(rule, stream, report) };
  return judge && { ...base, kind: 'window', where, window, judge };
}

function baseOf(rule: RuleFile, stream: number, keying: Keying) {
  const { type, params = {} } = rule.event;
  const template = params.message ?? `${rule.name}: {{key}}`;
  return {
    name: rule.name,
    version: versionOf(rule),
    stream,
    keying,
    type,
    severity: params.severity ?? 'warning',
    params,
    lifecycle: {
      forMs: rule.for === undefined ? 0 : durationOf(rule.for),
      keepFiringMs: rule.keepFiring === undefined ? 0 : durationOf(rule.keepFiring),
    },
    message: compileMessage(template).render,
  } as const;
}

/** Hash of everything that gives the rule its meaning; its description and schema do not. */
function versionOf(rule: RuleFile): string {
  const { $schema: _schema, description: _description, ...meaning } = rule;
  return createHash('sha256')
    .update(JSON.stringify(sortKeys(meaning)))
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

/** The structure check has seen to it that the text is a duration. */
function durationOf(text: string): number {
  const ms = parseDuration(text);
  if (ms === undefined) throw new Error(`"${text}" is not a duration`);
  return ms;
}

function panesOf(window: NonNullable<RuleFile['window']>) {
  const latenessMs = window.lateness === undefined ? 0 : durationOf(window.lateness);
  if ('tumbling' in window) return { paneMs: durationOf(window.tumbling), panes: 1, latenessMs };
  const paneMs = durationOf(window.every);
  return { paneMs, panes: durationOf(window.hopping) / paneMs, latenessMs };
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
  const conditions = rule.conditions && compileAt(rule.conditions, 'conditions', scope, report);
  const clear = rule.clear && compileAt(rule.clear, 'clear', scope, report);
  if (conditions === undefined) return undefined;
  const getters = scope.names.map((name) => [name, scope.resolve(name)!] as const);
  return {
    holds: conditions.test,
    clears: clear?.test,
    facts: (env) => {
      const facts: Record<string, FieldValue | null> = {};
      for (const [name, get] of getters) facts[name] = get(env) ?? null;
      return facts;
    },
    outcomes: (env, clearing) => [
      ...conditions.explain(env),
      ...(clearing && clear !== undefined ? clear.explain(env) : []),
    ],
  };
}

function checkMessage(rule: RuleFile, known: readonly string[], report: Report): void {
  const template = rule.event.params?.message;
  if (template === undefined) return;
  for (const name of compileMessage(template).names) {
    if (known.includes(name)) continue;
    const close = suggest(name, known);
    report(['event', 'params', 'message'], {
      code: 'unknown-name',
      message: `the message uses {{${name}}}, which this rule does not know`,
      remedy: close === undefined ? `It knows: ${known.join(', ')}.` : `Did you mean {{${close}}}?`,
    });
  }
}
