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
import { emitIntervalOf, planWindow } from './plan-window.ts';
import { compileAt, compileRuleConditions } from './rule-conditions.ts';
import { checkMessage, compileRuleMessage } from './rule-message.ts';
import { findStream, hasDevice, isView, keyingOf, type StreamDraft, viewStream } from './rule-streams.ts';
import { versionOf } from './rule-version.ts';
import { readingScope, rememberingScope, type Scope, windowScope } from './scope.ts';
import { unitsOf } from './units.ts';

/** A compiled rule that has not been numbered among the others yet. */
export type UnplacedRule = Unplaced<ReadingRule> | Unplaced<DerivedRule> | Unplaced<WindowRule> | Unplaced<SilenceRule>;
type Unplaced<R> = Omit<R, 'index' | 'slot'>;

/** A compiled rule, and its stream if it is a view. */
export interface CompiledRule {
  readonly compiled: UnplacedRule;
  readonly stream?: StreamDraft;
}

type Base = ReturnType<typeof baseOf> & Pick<ReadingRule, 'version' | 'usesAttributes'>;

/** What every kind of rule is compiled from. */
interface RuleContext {
  readonly rule: RuleFile;
  readonly source: StreamDraft;
  readonly base: Base;
  /** The scope of single readings. */
  readonly reading: ReturnType<typeof readingScope>;
  readonly where: ReadingRule['where'];
  readonly predicateContext: PredicateContext;
  readonly used: UsedAttributes;
  readonly report: Report;
}

/**
 * Compiles a rule. `streams` holds all streams so far; if the rule needs a new one (a correlation), it is added. Undefined if the rule
 * cannot be compiled. All faults are reported in any case.
 */
export function compileRule(
  rule: RuleFile,
  streams: StreamDraft[],
  shared: Shared | undefined,
  paths: AttributePaths | undefined,
  report: Report,
): CompiledRule | undefined {
  const index =
    rule.with === undefined
      ? findStream(streams, rule.stream, report)
      : findCorrelation(rule, rule.with, streams, report);
  if (index === undefined) return undefined;
  const source = streams[index]!;
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
  if (rule.silence !== undefined) return compileSilence(rule, source, base, report);
  const definitions = { ...shared, missing: rule.missing };
  const reading = readingScope(source.config, definitions, origin === 'devices', used.ofReadings);
  const where = rule.where && compileAt(rule.where, 'where', reading, report)?.holds;
  const predicateContext = { stream: source.config, definitions: reading };
  const context = { rule, source, base, reading, where, predicateContext, used, report };
  if (rule.sequence !== undefined) return compileSequence(context);
  if (rule.window !== undefined) return compileWindow(context, rule.window);
  return rule.facts !== undefined || uses.changed ? compileDerived(context) : compileReading(context);
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

function compileSilence(rule: RuleFile, { origin }: StreamDraft, base: Base, report: Report): CompiledRule {
  checkMessage(rule, ['silentFor', 'reason', 'key', ...base.keying.per], base.units, report);
  if (origin.kind !== 'devices') {
    report(['silence'], {
      code: 'silence-of-view',
      message: `"${rule.stream}" is a view, but \`silence\` works only with devices.`,
      remedy: 'Use the stream of the view as the stream of this rule.',
    });
  }
  return { compiled: { ...base, kind: 'silence', silenceMs: planSilence(rule) } };
}

function compileReading({
  rule,
  source,
  base,
  reading,
  where,
  predicateContext,
  report,
}: RuleContext): CompiledRule | undefined {
  const conditions = compileRuleConditions(rule, reading, report);
  checkMessage(rule, ['key', ...reading.names], base.units, report);
  if (conditions === undefined) return undefined;
  const order = orderOf(rule, source.config, conditions.reads);
  return {
    compiled: {
      ...base,
      kind: 'reading',
      order,
      where,
      predicates: predicatesOfRule(rule, predicateContext),
      conditions,
    },
  };
}

/** Compiles a rule over single readings that has facts or uses `changed`. */
function compileDerived(context: RuleContext): CompiledRule | undefined {
  const { rule, source, base, reading, where, predicateContext, report } = context;
  const { config } = source;
  const { running, formulas, ...derived } = planDerived(rule, config, reading, report);
  const { scope, remembered } = rememberingScope(derived.scope);
  const conditions = compileRuleConditions(rule, scope, report);
  checkMessage(rule, ['key', ...scope.names], base.units, report);
  // Facts that remember earlier readings must see every reading that meets `where`.
  const remembers = running.length + remembered.length > 0;
  if (remembers && rule.order === 'arrival') {
    const message = '`order` has no effect here: facts that remember earlier readings always skip an older reading.';
    report(['order'], { code: 'no-effect', which: 'key', message, remedy: 'Remove `order`.' });
  }
  const predicates = remembers
    ? predicatesOf([rule.where], predicateContext)
    : predicatesOfRule(rule, predicateContext);
  if (conditions === undefined) return undefined;
  return withView(context, scope, 0, (view) => ({
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

/** Finds the fields whose order matters. If the conditions use anything but fields (such as a calculation), these are all fields. */
function orderOf({ order }: RuleFile, { fields, labels }: StreamConfig, reads: ReadonlySet<string>): ReadingOrder {
  const isLabel = (name: string) => name === 'device' || labels.some((label) => label.name === name);
  const places = [...reads].map((name) => fields.findIndex((field) => field.name === name));
  const isKnown = [...reads].every((name, i) => places[i]! >= 0 || isLabel(name));
  return {
    byArrival: order === 'arrival',
    fields: isKnown ? places.filter((place) => place >= 0) : fields.map((_, i) => i),
  };
}

function compileSequence({
  rule,
  base,
  reading,
  where,
  predicateContext,
  report,
}: RuleContext): CompiledRule | undefined {
  const { keying, lifecycle, units } = base;
  checkMessage(rule, ['key', DURATION, ...keying.per], units, report);
  const planned = planSequence(rule, { keying, lifecycle, scope: reading, report });
  const predicates = predicatesOf([rule.where], predicateContext);
  const rest = { attributesOf: undefined, formulas: [], remembered: [], view: undefined };
  return planned && { compiled: { ...base, kind: 'window', where, predicates, ...planned, ...rest } };
}

function compileWindow(context: RuleContext, spec: WindowSpec): CompiledRule | undefined {
  const { rule, source, base, reading, where, predicateContext, used, report } = context;
  const { config } = source;
  const closed = windowScope(rule, base.keying, config.fields, reading, used.ofClosed);
  const { formulas, ...calculated } = planClosed(rule, config, closed, report);
  const { scope, remembered } = rememberingScope(calculated.scope);
  const conditions = compileRuleConditions(rule, scope, report);
  checkMessage(rule, ['key', ...scope.names], base.units, report);
  const aggregates = planAggregates(rule, config, reading, report);
  const { keying } = base;
  const window = planWindow(spec, { keying, aggregates, ttlDays: config.ttlDays, scope: reading, report });
  const predicates = predicatesOf([rule.where], predicateContext);
  if (conditions === undefined || window === undefined) return undefined;
  const { attributesOf } = used;
  return withView(context, scope, emitIntervalOf(window), (view) => ({
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

/** Completes a rule; if it is a view, with its stream. */
function withView<E>(
  { rule, source, base }: RuleContext,
  scope: Scope<E>,
  emitIntervalMs: number,
  compiled: (view: ViewPlan<E> | undefined) => UnplacedRule,
): CompiledRule {
  if (!isView(rule)) return { compiled: compiled(undefined) };
  const { version, keying, units } = base;
  const { stream, view } = viewStream({ rule, version, keying, source, scope, units, emitIntervalMs });
  return { compiled: compiled(view), stream };
}
