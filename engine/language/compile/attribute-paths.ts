import type { Path } from '../../document/document.ts';
import type { Report } from '../../document/fault.ts';
import { ATTRIBUTE_PREFIX } from '../../model/attributes.ts';
import { compileMessage } from '../../model/message.ts';
import type { Keying } from '../../model/plan/keying.ts';
import type { StreamOrigin } from '../../model/plan/plan.ts';
import type { RuleFile, TopCondition } from '../../model/rule.ts';
import { isCalculation } from '../calculations/arithmetic.ts';

/** The attribute paths of all rules of a plan, each once, by their text: `limits.temp` → its place. */
export type AttributePaths = Map<string, number>;

/** Attributes by the name that rules have for them, `device.limits.temp` → their place among the plan's paths. */
export type AttributePlaces = ReadonlyMap<string, number>;

/** Which attributes a rule looks at. */
export interface UsedAttributes {
  /** For each reading that it sees. */
  readonly ofReadings: AttributePlaces;
  /** For each window of it that closes; empty where it has none. */
  readonly ofClosed: AttributePlaces;
  /** Part of the key that names the device for the latter; undefined: it is not asked for. */
  readonly attributesOf: number | undefined;
}

/** What the attributes of a rule are planned with. */
export interface AttributeContext {
  readonly keying: Keying;
  readonly origin: StreamOrigin['kind'];
  readonly shared: Readonly<Record<string, TopCondition>>;
  /** Undefined: the config has no attributes. */
  readonly paths: AttributePaths | undefined;
  readonly report: Report;
}

const NAME = /^device(\.[^.\s]+)+$/;

/** Finds the attributes that a rule looks at, and reports those that it cannot have. */
export function planAttributes(rule: RuleFile, context: AttributeContext): UsedAttributes {
  const { keying, paths, shared } = context;
  const { facts = {}, conditions, clear, levels, event, ...others } = rule;
  const calculations = Object.fromEntries(Object.entries(facts).filter(([, fact]) => isCalculation(fact)));
  const aggregates = Object.fromEntries(Object.entries(facts).filter(([, fact]) => !isCalculation(fact)));
  const ofReadings = new Map<string, Path>();
  const ofOutcomes = new Map<string, Path>();
  collect({ ...others, facts: aggregates }, shared, ofReadings);
  collect({ facts: calculations, conditions, clear, levels }, shared, ofOutcomes);
  for (const name of compileMessage(event?.params?.message ?? '').names) {
    if (name.startsWith(ATTRIBUTE_PREFIX)) note(ofOutcomes, name, ['event', 'params', 'message']);
  }
  const used = new Map([...ofOutcomes, ...ofReadings]);
  // It is told of in the words of any other unknown name.
  if (rule.silence !== undefined) used.clear();
  const fault = [...used].map(([name, path]) => ({ path, fault: faultOf(name, context) })).find((each) => each.fault);
  if (fault?.fault !== undefined) context.report(fault.path, fault.fault);
  else if (rule.window !== undefined && ofOutcomes.size > 0) checkKey(ofOutcomes, context);
  const places = (names: Iterable<string>) => new Map([...names].map((name) => [name, placeOf(name, paths)]));
  if (rule.window === undefined) {
    return { ofReadings: places(used.keys()), ofClosed: new Map(), attributesOf: undefined };
  }
  const attributesOf = ofOutcomes.size > 0 ? keying.per.indexOf('device') : undefined;
  return { ofReadings: places(ofReadings.keys()), ofClosed: places(ofOutcomes.keys()), attributesOf };
}

function placeOf(name: string, paths: AttributePaths = new Map()): number {
  const path = name.slice(ATTRIBUTE_PREFIX.length);
  const place = paths.get(path) ?? paths.size;
  paths.set(path, place);
  return place;
}

/** The first place is told of, if there is anything to tell. */
function note(found: Map<string, Path>, name: string, path: Path): void {
  if (!found.has(name)) found.set(name, path);
}

/** Goes through anything that conditions and calculations stand in. What a shared condition uses stands where it is referred to. */
function collect(within: object, shared: AttributeContext['shared'], found: Map<string, Path>): void {
  const visit = (node: unknown, path: Path, fixed: boolean, trail: readonly string[]): void => {
    const take = (value: unknown, at: Path) => {
      if (typeof value === 'string' && value.startsWith(ATTRIBUTE_PREFIX)) note(found, value, fixed ? path : at);
    };
    if (typeof node !== 'object' || node === null) {
      if (path[0] === 'facts') take(node, path);
      return;
    }
    const { fact, operator, value, condition } = node as Readonly<Record<string, unknown>>;
    if (typeof operator === 'string') {
      take(fact, [...path, 'fact']);
      if (typeof value === 'object' && value !== null && 'fact' in value) take(value.fact, [...path, 'value', 'fact']);
      return;
    }
    if (typeof condition === 'string' && Object.hasOwn(shared, condition) && !trail.includes(condition)) {
      visit(shared[condition], fixed ? path : [...path, 'condition'], true, [...trail, condition]);
    }
    for (const [key, part] of Object.entries(node)) {
      // What a condition is called is for people.
      if (key === 'name' && typeof part === 'string') continue;
      visit(part, fixed ? path : [...path, Array.isArray(node) ? Number(key) : key], fixed, trail);
    }
  };
  for (const [key, part] of Object.entries(within)) visit(part, [key], false, []);
}

function faultOf(name: string, { paths, origin }: AttributeContext): Parameters<Report>[1] | undefined {
  if (!NAME.test(name) || name.split('.').includes('__proto__')) {
    const message = `"${name}" is no path to an attribute of a device`;
    return {
      code: 'bad-attribute',
      message,
      remedy: 'Write it like "device.limits.temp", without blanks or empty parts.',
    };
  }
  if (origin !== 'devices') {
    const message = `"${name}" is an attribute of a device, but the readings of this stream come from no device`;
    return { code: 'no-device', message, remedy: 'Work it out as a fact of the rule that this stream is made of.' };
  }
  if (paths !== undefined) return undefined;
  const message = `the rule looks at "${name}", but the config does not say where attributes of devices come from`;
  const remedy = 'Add "attributes": { "file": "./devices.json" } or { "bucket": "weir_attributes" } to the config.';
  return { code: 'no-attributes', message, remedy };
}

/** A window of many devices has no attributes of one. */
function checkKey(found: ReadonlyMap<string, Path>, { keying, report }: AttributeContext): void {
  if (keying.per.includes('device')) return;
  const [[name, path]] = [...found] as [[string, Path]];
  report(path, {
    code: 'many-devices',
    message: `"${name}" is an attribute of one device, but a window of ${keying.per.length === 0 ? 'the whole stream' : keying.per.join(' and ')} has many`,
    remedy: 'Add "device" to "per", or ask it of single readings: in "where", or in the condition of a "share".',
  });
}
