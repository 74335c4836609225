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
  const drafts: { readonly draft: UnplacedRule; readonly priority: number }[] = [];
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
    const drafted = sound ? compileRule(rule, world, shared, paths, report) : undefined;
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
function placeRules(drafts: readonly UnplacedRule[]): RulePlan[] {
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
