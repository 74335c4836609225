import type { Document } from '../../document/document.ts';
import type { Report } from '../../document/fault.ts';
import { type Fault, locateFaults } from '../../document/fault.ts';
import type { Problem } from '../../document/problem.ts';
import type { StreamConfig } from '../../model/config.ts';
import type { Keying } from '../../model/plan/keying.ts';
import type { Plan, StreamPlan } from '../../model/plan/plan.ts';
import type { RulePlan } from '../../model/plan/rule-plan.ts';
import type { RuleFile } from '../../model/rule.ts';
import { indexRules } from '../rule-index/rule-index.ts';
import type { Shared } from '../shared-file.ts';
import type { AttributePaths } from './attribute-paths.ts';
import { compileRule, type UnplacedRule } from './compile-rule.ts';
import { deviceStream, isView, orderRules, type StreamDraft, sourcesOf } from './rule-streams.ts';

/** A rule file without faults of structure, with its document for positions. */
export interface ParsedRule {
  readonly rule: RuleFile;
  readonly document: Document;
}

/** Options for compiling a plan. */
export interface CompileOptions {
  /** Whether the config has `attributes`. Default: false. */
  readonly attributes?: boolean;
  /** Names of rules that could not be read. Rules over such a name are left out without an error, because it may be a view. */
  readonly unread?: readonly string[];
}

/**
 * Compiles streams and rules into a plan. All problems of all rules are found at once. The plan holds the rules without an error, highest
 * priority first, and else in the order given. `shared` holds the conditions and lists that rules can refer to by name. Without
 * `attributes`, no rule may use attributes of devices.
 */
export function compilePlan(
  streams: readonly StreamConfig[],
  parsed: readonly ParsedRule[],
  shared?: Shared,
  { attributes = false, unread = [] }: CompileOptions = {},
): { plan: Plan; problems: Problem[] } {
  const paths: AttributePaths | undefined = attributes ? new Map() : undefined;
  const allStreams = streams.map(deviceStream);
  const { order, circles } = orderRules(streams, parsed);
  const found: Problem[][] = parsed.map(() => []);
  const compiledRules: { readonly compiled: UnplacedRule; readonly priority: number }[] = [];
  const broken = new Set(unread);
  const known: Known = { files: new Map(), streams: new Set(streams.map(({ name }) => name)) };
  for (const index of order) {
    const { rule, document } = parsed[index]!;
    const faults: Fault[] = [];
    const report: Report = (path, fault) => faults.push({ ...fault, path });
    checkName(rule, document.file, known, report);
    const circle = circles.get(index);
    if (circle !== undefined) reportCircle(rule, circle, report);
    const before = allStreams.length;
    const sound = circle === undefined && sourcesOf(rule).every((name) => known.streams.has(name) || !broken.has(name));
    const result = sound ? compileRule(rule, allStreams, shared, paths, report) : undefined;
    const problems = locateFaults(document, faults);
    found[index]!.push(...problems);
    if (result === undefined || problems.some((problem) => problem.severity === 'error')) {
      if (isView(rule)) broken.add(rule.name);
      allStreams.length = before;
      continue;
    }
    compiledRules.push({ compiled: result.compiled, priority: rule.priority ?? 1 });
    if (result.stream !== undefined) allStreams.push(result.stream);
  }
  // Rules of equal priority keep the order given.
  const place = new Map(parsed.map(({ rule }, i) => [rule.name, i]));
  compiledRules.sort((a, b) => b.priority - a.priority || place.get(a.compiled.name)! - place.get(b.compiled.name)!);
  const rules = placeRules(compiledRules.map(({ compiled }) => compiled));
  const planned = allStreams.map((stream, i) => planStream(stream, i, rules, readersOf(allStreams, i)));
  const levels = 1 + Math.max(0, ...rules.map((rule) => planned[rule.stream]!.level));
  return { plan: { streams: planned, levels, rules, attributes: pathsOf(paths) }, problems: found.flat() };
}

function pathsOf(paths: AttributePaths | undefined): Plan['attributes'] {
  return Array.from(paths?.keys() ?? [], (path) => path.split('.'));
}

/** The names that are in use: those of rules, with their files, and those of streams of the config. */
interface Known {
  readonly files: Map<string, string>;
  readonly streams: ReadonlySet<string>;
}

/** Reports a name that is in use. A view is a stream, so its name must differ from those of streams too. */
function checkName(rule: RuleFile, file: string, { files, streams }: Known, report: Report): void {
  const { name } = rule;
  const other = files.get(name);
  if (other !== undefined) {
    const message = `The rule in ${other} has the name "${name}" too.`;
    report(['name'], { code: 'duplicate-name', message, remedy: 'Give each rule a different name.' });
    return;
  }
  files.set(name, file);
  if (!isView(rule) || !streams.has(name)) return;
  const message = `The config has a stream "${name}", and a view is a stream with the name of its rule.`;
  report(['name'], { code: 'duplicate-name', message, remedy: 'Give the view another name.' });
}

function reportCircle(rule: RuleFile, circle: readonly string[], report: Report): void {
  const message =
    circle.length === 2
      ? `The view uses itself as its stream: ${circle.join(' → ')}.`
      : `These views use each other in a circle: ${circle.join(' → ')}.`;
  const remedy = `Let ${circle.length === 2 ? 'it' : 'one of them'} use a stream of the config.`;
  // A rule may use two streams; the fault is at the one in the circle.
  report(rule.stream === circle[1] ? ['stream'] : ['with', 'stream'], { code: 'view-circle', message, remedy });
}

/** Numbers all rules (`index`), and the rules of each keying (`slot`). */
function placeRules(compiledRules: readonly UnplacedRule[]): RulePlan[] {
  const slots = new Map<Keying, number>();
  return compiledRules.map((compiled, index) => {
    const slot = slots.get(compiled.keying) ?? 0;
    slots.set(compiled.keying, slot + 1);
    return { ...compiled, index, slot };
  });
}

/** The indexes of the streams that use the readings of a stream: itself, and the correlations that are made of it. */
function readersOf(allStreams: readonly StreamDraft[], index: number): number[] {
  return allStreams.flatMap(({ origin }, i) => {
    const isMadeOf = origin.kind === 'correlation' && (origin.of === index || origin.with === index);
    return i === index || isMadeOf ? [i] : [];
  });
}

function planStream(
  { config, origin, level, graceMs, keyings }: StreamDraft,
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
    graceMs,
    forgetMs: forgetOf(config, graceMs, own),
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

/** How long a device or key may be idle: as long as the config says, and longer than any of its rules waits for it. */
function forgetOf({ forgetMs }: StreamConfig, graceMs: number, rules: readonly RulePlan[]): number {
  const waits = rules.map(waitOf).filter((ms) => Number.isFinite(ms));
  return Math.max(forgetMs, 2 * (graceMs + Math.max(0, ...waits)));
}

/** How long a rule waits for a silent key before it evaluates it for the last time; milliseconds. */
function waitOf(rule: RulePlan): number {
  if (rule.kind === 'silence') return rule.silenceMs;
  if (rule.kind !== 'window') return 0;
  const { window } = rule;
  const { latenessMs } = window;
  if (window.kind === 'tumbling' || window.kind === 'hopping' || window.kind === 'sliding')
    return latenessMs + window.sizeMs;
  if (window.kind === 'session') return latenessMs + window.gapMs;
  if (window.kind === 'state') return latenessMs + window.maxMs;
  if (window.kind === 'sequence') {
    const { steps, closing, clearingMs } = window;
    const times = [...steps, ...closing].map(({ withinMs }) => withinMs).filter((ms) => Number.isFinite(ms));
    return latenessMs + times.reduce((sum, ms) => sum + ms, 0) + (Number.isFinite(clearingMs) ? clearingMs : 0);
  }
  return 0;
}
