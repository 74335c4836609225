import type { Report } from '../../document/fault.ts';
import type { StreamConfig } from '../../model/config.ts';
import type { Keying } from '../../model/plan/keying.ts';
import type {
  DerivedRule,
  ReadingOrder,
  ReadingRule,
  SilenceRule,
  ViewPlan,
  WindowRule,
} from '../../model/plan/rule-plan.ts';
import type { WindowPlan } from '../../model/plan/window-plan.ts';
import type { RuleFile, WindowSpec } from '../../model/rule.ts';
import { usesOfRule } from '../conditions/uses.ts';
import { type PredicateContext, predicatesOf, predicatesOfRule } from '../rule-index/predicates.ts';
import type { Shared } from '../shared-file.ts';
import { type AttributePaths, planAttributes, type UsedAttributes } from './attribute-paths.ts';
import { findCorrelation } from './correlation.ts';
import { planAggregates } from './plan-aggregates.ts';
import { planClosed, planDerived } from './plan-facts.ts';
import { planLifecycle, planSilence } from './plan-lifecycle.ts';
import { DURATION, planSequence } from './plan-sequence.ts';
import { planWindow } from './plan-window.ts';
import { compileAt, compileRuleConditions } from './rule-conditions.ts';
import { checkMessage, compileRuleMessage } from './rule-message.ts';
import { findStream, hasDevice, isView, keyingOf, type StreamDraft, viewStream } from './rule-streams.ts';
import { versionOf } from './rule-version.ts';
import { readingScope, rememberingScope, type Scope, windowScope } from './scope.ts';
import { unitsOf } from './units.ts';

/** A rule that does not know its place among the others yet. */
export type UnplacedRule = Unplaced<ReadingRule> | Unplaced<DerivedRule> | Unplaced<WindowRule> | Unplaced<SilenceRule>;
type Unplaced<R> = Omit<R, 'index' | 'slot'>;

/** A rule and, where it is a view, the stream of it. */
export interface CompiledRule {
  readonly draft: UnplacedRule;
  readonly stream?: StreamDraft;
}

type Base = ReturnType<typeof baseOf> & Pick<ReadingRule, 'version' | 'usesAttributes'>;

/** What is known of a rule of any kind. */
interface Sketch {
  readonly rule: RuleFile;
  readonly source: StreamDraft;
  readonly base: Base;
  /** What stands in its readings. */
  readonly reading: ReturnType<typeof readingScope>;
  readonly where: ReadingRule['where'];
  readonly clued: PredicateContext;
  readonly used: UsedAttributes;
  readonly report: Report;
}

/**
 * Compiles a rule over the streams of `world`, and adds to those what it is made of; undefined where it cannot be compiled. Whatever is
 * wrong with it is reported, also where it can be.
 */
export function compileRule(
  rule: RuleFile,
  world: StreamDraft[],
  shared: Shared | undefined,
  paths: AttributePaths | undefined,
  report: Report,
): CompiledRule | undefined {
  const index =
    rule.with === undefined ? findStream(world, rule.stream, report) : findCorrelation(rule, rule.with, world, report);
  if (index === undefined) return undefined;
  const source = world[index]!;
  const keying = keyingOf(rule, source, report);
  const conditions = shared?.conditions ?? {};
  const uses = usesOfRule(rule, conditions);
  const origin = hasDevice(source) ? 'devices' : 'view';
  const used = planAttributes(rule, { keying, origin, shared: conditions, paths, report });
  const base: Base = {
    ...baseOf(rule, source.config, index, keying),
    version: versionOf(rule, uses, shared, source.version),
    usesAttributes: used.ofReadings.size > 0,
  };
  if (rule.silence !== undefined) return draftSilence(rule, source, base, report);
  const definitions = { ...shared, missing: rule.missing };
  const reading = readingScope(source.config, definitions, origin === 'devices', used.ofReadings);
  const where = rule.where && compileAt(rule.where, 'where', reading, report)?.holds;
  const clued = { stream: source.config, definitions: reading };
  const sketch = { rule, source, base, reading, where, clued, used, report };
  if (rule.sequence !== undefined) return draftSequence(sketch);
  if (rule.window !== undefined) return draftWindow(sketch, rule.window);
  return rule.facts !== undefined || uses.changed ? draftDerived(sketch) : draftReading(sketch);
}

function baseOf(rule: RuleFile, config: StreamConfig, stream: number, keying: Keying) {
  const { type, params = {} } = rule.event ?? { type: rule.name };
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

function draftSilence(rule: RuleFile, { origin }: StreamDraft, base: Base, report: Report): CompiledRule {
  checkMessage(rule, ['silentFor', 'reason', 'key', ...base.keying.per], base.units, report);
  if (origin.kind !== 'devices') {
    report(['silence'], {
      code: 'silence-of-view',
      message: `"${rule.stream}" is a view, and silence is looked for among devices`,
      remedy: 'Make it a rule over the stream that the view is of.',
    });
  }
  return { draft: { ...base, kind: 'silence', silenceMs: planSilence(rule) } };
}

function draftReading({ rule, source, base, reading, where, clued, report }: Sketch): CompiledRule | undefined {
  const conditions = compileRuleConditions(rule, reading, report);
  checkMessage(rule, ['key', ...reading.names], base.units, report);
  if (conditions === undefined) return undefined;
  const order = orderOf(rule, source.config, conditions.reads);
  return { draft: { ...base, kind: 'reading', order, where, predicates: predicatesOfRule(rule, clued), conditions } };
}

/** A rule over single readings that remembers or calculates. */
function draftDerived(sketch: Sketch): CompiledRule | undefined {
  const { rule, source, base, reading, where, clued, report } = sketch;
  const { config } = source;
  const { running, formulas, ...derived } = planDerived(rule, config, reading, report);
  const { scope, remembered } = rememberingScope(derived.scope);
  const conditions = compileRuleConditions(rule, scope, report);
  checkMessage(rule, ['key', ...scope.names], base.units, report);
  // What remembers must see every reading that `where` lets through.
  const remembers = running.length + remembered.length > 0;
  if (remembers && rule.order === 'arrival') {
    const message = 'A rule whose facts remember earlier readings passes over a reading that is older than those.';
    report(['order'], { code: 'no-effect', which: 'key', message, remedy: 'Remove `order`.' });
  }
  const predicates = remembers ? predicatesOf([rule.where], clued) : predicatesOfRule(rule, clued);
  if (conditions === undefined) return undefined;
  return withView(sketch, scope, 0, (view) => ({
    ...base,
    kind: 'derived',
    order: orderOf(rule, config, conditions.reads),
    where,
    predicates,
    running,
    formulas,
    remembered,
    conditions,
    view,
  }));
}

/** Where a fact is more than a field (a calculation, say), every field may be behind it. */
function orderOf({ order }: RuleFile, { fields, labels }: StreamConfig, reads: ReadonlySet<string>): ReadingOrder {
  const isLabel = (name: string) => name === 'device' || labels.some((label) => label.name === name);
  const places = [...reads].map((name) => fields.findIndex((field) => field.name === name));
  const isKnown = [...reads].every((name, i) => places[i]! >= 0 || isLabel(name));
  return {
    byArrival: order === 'arrival',
    fields: isKnown ? places.filter((place) => place >= 0) : fields.map((_, i) => i),
  };
}

function draftSequence({ rule, base, reading, where, clued, report }: Sketch): CompiledRule | undefined {
  const { keying, lifecycle, units } = base;
  checkMessage(rule, ['key', DURATION, ...keying.per], units, report);
  const planned = planSequence(rule, { keying, lifecycle, scope: reading, report });
  const predicates = predicatesOf([rule.where], clued);
  const rest = { attributesOf: undefined, formulas: [], remembered: [], view: undefined };
  return planned && { draft: { ...base, kind: 'window', where, predicates, ...planned, ...rest } };
}

function draftWindow(sketch: Sketch, spec: WindowSpec): CompiledRule | undefined {
  const { rule, source, base, reading, where, clued, used, report } = sketch;
  const { config } = source;
  const closed = windowScope(rule, base.keying, config.fields, reading, used.ofClosed);
  const { formulas, ...calculated } = planClosed(rule, config, closed, report);
  const { scope, remembered } = rememberingScope(calculated.scope);
  const conditions = compileRuleConditions(rule, scope, report);
  checkMessage(rule, ['key', ...scope.names], base.units, report);
  const aggregates = planAggregates(rule, config, reading, report);
  const { keying } = base;
  const window = planWindow(spec, { keying, aggregates, ttlDays: config.ttlDays, scope: reading, report });
  const predicates = predicatesOf([rule.where], clued);
  if (conditions === undefined || window === undefined) return undefined;
  const { attributesOf } = used;
  return withView(sketch, scope, strideOf(window), (view) => ({
    ...base,
    kind: 'window',
    where,
    predicates,
    window,
    attributesOf,
    formulas,
    remembered,
    conditions,
    view,
  }));
}

/** Gives the draft its view, where the rule is one. */
function withView<E>(
  { rule, source, base }: Sketch,
  scope: Scope<E>,
  strideMs: number,
  draft: (view: ViewPlan<E> | undefined) => UnplacedRule,
): CompiledRule {
  if (!isView(rule)) return { draft: draft(undefined) };
  const { version, keying, units } = base;
  const { stream, view } = viewStream({ rule, version, keying, source, scope, units, strideMs });
  return { draft: draft(view), stream };
}

/** Event time from one result of a window to the next, where it is known, and by which it comes late. */
function strideOf(window: WindowPlan): number {
  switch (window.kind) {
    case 'tumbling':
      return window.sizeMs + window.latenessMs;
    case 'hopping':
      return window.everyMs + window.latenessMs;
    case 'session':
      return window.gapMs + window.latenessMs;
    default:
      return window.latenessMs;
  }
}
