import type { StreamConfig } from '../model/config.ts';
import type { Document } from '../model/locate.ts';
import type {
  DerivedRule,
  Keying,
  Plan,
  ReadingRule,
  RulePlan,
  SilenceRule,
  StreamPlan,
  WindowPlan,
  WindowRule,
} from '../model/plan.ts';
import type { Problem } from '../model/problem.ts';
import { type Fault, locateFaults } from '../model/report.ts';
import type { RuleFile } from '../model/rule.ts';
import { type AttributePaths, planAttributes } from './attributes.ts';
import { cluesOf, cluesOfRule } from './clues.ts';
import { findCorrelation } from './correlation.ts';
import { planClosed, planDerived } from './derived.ts';
import { compileAt, judgeOf } from './judge.ts';
import { planAggregates } from './plan-aggregates.ts';
import { planLifecycle, planSilence } from './plan-lifecycle.ts';
import { DURATION, planSequence } from './plan-sequence.ts';
import { planWindow } from './plan-window.ts';
import { indexRules } from './rule-index.ts';
import { checkMessage, compileRuleMessage } from './rule-message.ts';
import { type Report, readingScope, rememberingScope, windowScope } from './scope.ts';
import type { Shared } from './shared.ts';
import {
  deviceStream,
  findStream,
  hasDevice,
  isView,
  keyingOf,
  orderRules,
  type StreamDraft,
  sourcesOf,
  viewStream,
} from './streams.ts';
import { unitsOf } from './units.ts';
import { usesOfRule } from './uses.ts';
import { versionOf } from './version.ts';

/** A rule file whose structure is sound, with the places of everything in it. */
export interface ParsedRule {
  readonly rule: RuleFile;
  readonly document: Document;
}

export interface CompileOptions {
  /** Whether the config says where attributes of devices come from. Default false. */
  readonly attributes?: boolean;
  /** Names of rules that could not be read: what is over such a one is passed over, for it may be a view. */
  readonly unread?: readonly string[];
}

/**
 * Compiles streams and rules into a plan. All problems of all rules are found at once; the plan holds the rules that have no error,
 * highest priority first, else in the order given. `shared` is what rules may refer to by name; without `attributes`, the config says
 * nowhere that devices have any, and no rule may look at them.
 */
export function compilePlan(
  streams: readonly StreamConfig[],
  parsed: readonly ParsedRule[],
  shared?: Shared,
  { attributes = false, unread = [] }: CompileOptions = {},
): { plan: Plan; problems: Problem[] } {
  const paths: AttributePaths | undefined = attributes ? new Map() : undefined;
  const world = streams.map(deviceStream);
  const { order, circles } = orderRules(streams, parsed);
  const found: Problem[][] = parsed.map(() => []);
  const drafts: { readonly draft: Draft; readonly priority: number }[] = [];
  const broken = new Set(unread);
  const known: Known = { files: new Map(), streams: new Set(streams.map(({ name }) => name)) };
  for (const index of order) {
    const { rule, document } = parsed[index]!;
    const faults: Fault[] = [];
    const report: Report = (path, fault) => faults.push({ ...fault, path });
    checkName(rule, document.file, known, report);
    const circle = circles.get(index);
    if (circle !== undefined) reportCircle(rule, circle, report);
    const before = world.length;
    const sound = circle === undefined && sourcesOf(rule).every((name) => known.streams.has(name) || !broken.has(name));
    const drafted = sound ? draftRule(rule, world, shared, paths, report) : undefined;
    const problems = locateFaults(document, faults);
    found[index]!.push(...problems);
    if (drafted === undefined || problems.some((problem) => problem.severity === 'error')) {
      if (isView(rule)) broken.add(rule.name);
      world.length = before;
      continue;
    }
    drafts.push({ draft: drafted.draft, priority: rule.priority ?? 1 });
    if (drafted.stream !== undefined) world.push(drafted.stream);
  }
  // Of equal priority, in the order given.
  const place = new Map(parsed.map(({ rule }, i) => [rule.name, i]));
  drafts.sort((a, b) => b.priority - a.priority || place.get(a.draft.name)! - place.get(b.draft.name)!);
  const rules = placeRules(drafts.map(({ draft }) => draft));
  const planned = world.map((stream, i) => planStream(stream, i, rules, readersOf(world, i)));
  const levels = 1 + Math.max(0, ...rules.map((rule) => planned[rule.stream]!.level));
  return { plan: { streams: planned, levels, rules, attributes: pathsOf(paths) }, problems: found.flat() };
}

function pathsOf(paths: AttributePaths | undefined): Plan['attributes'] {
  return Array.from(paths?.keys() ?? [], (path) => path.split('.'));
}

/** What has a name already: rules, with the file of each, and streams of the config. */
interface Known {
  readonly files: Map<string, string>;
  readonly streams: ReadonlySet<string>;
}

/** A view is a stream, so its name must be free among streams too. */
function checkName(rule: RuleFile, file: string, { files, streams }: Known, report: Report): void {
  const { name } = rule;
  const other = files.get(name);
  if (other !== undefined) {
    const message = `another rule, in ${other}, is named "${name}" too`;
    report(['name'], { code: 'duplicate-name', message, remedy: 'Give each rule a name of its own.' });
    return;
  }
  files.set(name, file);
  if (!isView(rule) || !streams.has(name)) return;
  const message = `the config has a stream "${name}", and a view makes a stream of its own name`;
  report(['name'], { code: 'duplicate-name', message, remedy: 'Give the view another name.' });
}

function reportCircle(rule: RuleFile, circle: readonly string[], report: Report): void {
  const message =
    circle.length === 2
      ? `the view is over itself: ${circle.join(' → ')}`
      : `these views are over each other in a circle: ${circle.join(' → ')}`;
  const remedy = `Let ${circle.length === 2 ? 'it' : 'one of them'} be over a stream of the config.`;
  // Of a rule over two streams, the one in the circle.
  report(rule.stream === circle[1] ? ['stream'] : ['with', 'stream'], { code: 'view-circle', message, remedy });
}

/** Numbers the rules, and those of each keying among themselves. */
function placeRules(drafts: readonly Draft[]): RulePlan[] {
  const slots = new Map<Keying, number>();
  return drafts.map((draft, index) => {
    const slot = slots.get(draft.keying) ?? 0;
    slots.set(draft.keying, slot + 1);
    return { ...draft, index, slot };
  });
}

/** The stream itself, and those whose readings take over what stands in its own. */
function readersOf(world: readonly StreamDraft[], index: number): number[] {
  return world.flatMap(({ origin }, i) => {
    const isMadeOf = origin.kind === 'correlation' && (origin.of === index || origin.with === index);
    return i === index || isMadeOf ? [i] : [];
  });
}

function planStream(
  { config, origin, level, settleMs, keyings }: StreamDraft,
  index: number,
  rules: readonly RulePlan[],
  readers: readonly number[],
): StreamPlan {
  const own = rules.filter((rule) => rule.stream === index);
  const silent = own.filter((rule) => rule.kind === 'silence');
  const readingRules = own.filter((rule) => rule.kind === 'reading' || rule.kind === 'derived');
  const windowRules = own.filter((rule) => rule.kind === 'window');
  return {
    index,
    name: config.name,
    config,
    origin:
      origin.kind === 'view' ? { kind: 'view', rule: rules.findIndex(({ name }) => name === origin.name) } : origin,
    level,
    settleMs,
    keyings,
    readingRules,
    windowRules,
    readingIndex: indexRules(readingRules),
    windowIndex: indexRules(windowRules),
    silenceRules: keyings.map((keying) => silent.filter((rule) => rule.keying === keying)),
    hasSilence: silent.length > 0,
    usesAttributes: rules.some((rule) => rule.usesAttributes && readers.includes(rule.stream)),
  };
}

/** A rule that does not know its place among the others yet. */
type Draft = Unplaced<ReadingRule> | Unplaced<DerivedRule> | Unplaced<WindowRule> | Unplaced<SilenceRule>;
type Unplaced<R> = Omit<R, 'index' | 'slot'>;

/** A rule and, where it is a view, the stream of it. */
interface Drafted {
  readonly draft: Draft;
  readonly stream?: StreamDraft;
}

function draftRule(
  rule: RuleFile,
  world: StreamDraft[],
  shared: Shared | undefined,
  paths: AttributePaths | undefined,
  report: Report,
): Drafted | undefined {
  const index =
    rule.with === undefined ? findStream(world, rule.stream, report) : findCorrelation(rule, rule.with, world, report);
  if (index === undefined) return undefined;
  const source = world[index]!;
  const stream = source.config;
  const keying = keyingOf(rule, source, report);
  const uses = usesOfRule(rule, shared?.conditions ?? {});
  const version = versionOf(rule, uses, shared, source.version);
  const origin = hasDevice(source) ? 'devices' : 'view';
  const used = planAttributes(rule, { keying, origin, shared: shared?.conditions ?? {}, paths, report });
  const usesAttributes = used.ofReadings.size > 0;
  const base = { ...baseOf(rule, stream, index, keying), version, usesAttributes };
  const reading = readingScope(stream, shared ?? {}, origin === 'devices', used.ofReadings);
  if (rule.silence !== undefined) {
    checkMessage(rule, ['silentFor', 'reason', 'key', ...keying.per], base.units, report);
    if (source.origin.kind !== 'devices') reportSilence(rule, report);
    return { draft: { ...base, kind: 'silence', silenceMs: planSilence(rule) } };
  }
  const where = rule.where && compileAt(rule.where, 'where', reading, report)?.test;
  const clued = { stream, definitions: reading };
  if (rule.sequence !== undefined) {
    checkMessage(rule, ['key', DURATION, ...keying.per], base.units, report);
    const planned = planSequence(rule, { keying, lifecycle: base.lifecycle, scope: reading, report });
    const clues = cluesOf([rule.where], clued);
    const rest = { attributesOf: undefined, formulas: [], remembered: [], view: undefined };
    return planned && { draft: { ...base, kind: 'window', where, clues, ...planned, ...rest } };
  }
  if (rule.window === undefined && (rule.facts !== undefined || uses.changed)) {
    const { running, formulas, ...derived } = planDerived(rule, stream, reading, report);
    const { scope, remembered } = rememberingScope(derived.scope);
    const made = isView(rule)
      ? viewStream({ rule, version, keying, source, scope, units: base.units, strideMs: 0 })
      : undefined;
    const judge = judgeOf(rule, scope, report);
    checkMessage(rule, ['key', ...scope.names], base.units, report);
    // What remembers must see every reading that `where` lets through.
    const remembers = running.length + remembered.length > 0;
    const clues = remembers ? cluesOf([rule.where], clued) : cluesOfRule(rule, clued);
    const facts = { running, formulas, remembered };
    return (
      judge && drafted({ ...base, kind: 'derived', where, clues, ...facts, judge, view: made?.view }, made?.stream)
    );
  }
  if (rule.window === undefined) {
    const judge = judgeOf(rule, reading, report);
    checkMessage(rule, ['key', ...reading.names], base.units, report);
    return judge && { draft: { ...base, kind: 'reading', where, clues: cluesOfRule(rule, clued), judge } };
  }
  const closed = windowScope(rule, keying, stream.fields, reading, used.ofClosed);
  const { formulas, ...calculated } = planClosed(rule, stream, closed, report);
  const { scope, remembered } = rememberingScope(calculated.scope);
  const judge = judgeOf(rule, scope, report);
  checkMessage(rule, ['key', ...scope.names], base.units, report);
  const aggregates = planAggregates(rule, stream, reading, report);
  const window = planWindow(rule.window, { keying, aggregates, ttlDays: stream.ttlDays, scope: reading, report });
  const clues = cluesOf([rule.where], clued);
  if (judge === undefined || window === undefined) return undefined;
  const strideMs = strideOf(window);
  const made = isView(rule)
    ? viewStream({ rule, version, keying, source, scope, units: base.units, strideMs })
    : undefined;
  const facts = { window, attributesOf: used.attributesOf, formulas, remembered };
  return drafted({ ...base, kind: 'window', where, clues, ...facts, judge, view: made?.view }, made?.stream);
}

function drafted(draft: Draft, stream: StreamDraft | undefined): Drafted {
  return { draft, ...(stream !== undefined && { stream }) };
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

function reportSilence({ stream }: RuleFile, report: Report): void {
  const message = `"${stream}" is a view, and silence is looked for among devices`;
  report(['silence'], {
    code: 'silence-of-view',
    message,
    remedy: 'Make it a rule over the stream that the view is of.',
  });
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
