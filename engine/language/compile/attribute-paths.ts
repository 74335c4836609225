import type { Path } from '../../document/document.ts';
import type { Report } from '../../document/fault.ts';
import { ATTRIBUTE_PREFIX } from '../../model/attributes.ts';
import { compileMessage } from '../../model/message.ts';
import type { Keying } from '../../model/plan/keying.ts';
import type { StreamOrigin } from '../../model/plan/plan.ts';
import type { RuleFile, TopCondition } from '../../model/rule.ts';
import { isCalculation } from '../calculations/arithmetic.ts';

/** The attribute paths of all rules of a plan, each once: `limits.temp` → its index. */
export type AttributePaths = Map<string, number>;

/** Attributes by their name in rules: `device.limits.temp` → the index of its path in the plan. */
export type AttributePlaces = ReadonlyMap<string, number>;

/** The attributes that a rule uses. */
export interface UsedAttributes {
  /** Attributes that are read for each reading. */
  readonly ofReadings: AttributePlaces;
  /** Attributes that are read for each window that closes; empty if the rule has no window. */
  readonly ofClosed: AttributePlaces;
  /** The part of the key that is the device for `ofClosed`; undefined if `ofClosed` is empty. */
  readonly attributesOf: number | undefined;
}

/** What is needed to plan the attributes of a rule. */
export interface AttributeContext {
  readonly keying: Keying;
  readonly origin: StreamOrigin['kind'];
  readonly shared: Readonly<Record<string, TopCondition>>;
  /** Undefined if the config has no attributes. */
  readonly paths: AttributePaths | undefined;
  readonly report: Report;
}

const NAME = /^device(\.[^.\s]+)+$/;

/** Finds the attributes that a rule uses, and reports those that it cannot use. */
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
  // A silence rule cannot use attributes; they are reported as unknown names elsewhere.
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

/** Keeps the first path of a name, where a problem is reported. */
function note(found: Map<string, Path>, name: string, path: Path): void {
  if (!found.has(name)) found.set(name, path);
}

/** Collects the attributes in any part of a rule. Those in a shared condition have the path of the reference to it. */
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
      // The name of a condition is a text for people.
      if (key === 'name' && typeof part === 'string') continue;
      visit(part, fixed ? path : [...path, Array.isArray(node) ? Number(key) : key], fixed, trail);
    }
  };
  for (const [key, part] of Object.entries(within)) visit(part, [key], false, []);
}

function faultOf(name: string, { paths, origin }: AttributeContext): Parameters<Report>[1] | undefined {
  if (!NAME.test(name) || name.split('.').includes('__proto__')) {
    const message = `"${name}" is not a valid path of an attribute.`;
    return {
      code: 'bad-attribute',
      message,
      remedy: 'Write it like "device.limits.temp", without spaces or empty parts.',
    };
  }
  if (origin !== 'devices') {
    const message = `"${name}" is an attribute of a device, but this stream is a view, whose readings have no device.`;
    return { code: 'no-device', message, remedy: 'Use the attribute in a fact of the view instead.' };
  }
  if (paths !== undefined) return undefined;
  const message = `The rule uses "${name}", but the config has no \`attributes\`.`;
  const remedy = 'Add "attributes": {"file": "./devices.json"} or {"bucket": "weir_attributes"} to the config.';
  return { code: 'no-attributes', message, remedy };
}

/** Reports attributes that are used for windows over several devices. */
function checkKey(found: ReadonlyMap<string, Path>, { keying, report }: AttributeContext): void {
  if (keying.per.includes('device')) return;
  const [[name, path]] = [...found] as [[string, Path]];
  report(path, {
    code: 'many-devices',
    message: `"${name}" is an attribute of one device, but a window ${keying.per.length === 0 ? 'of the whole stream' : `per ${keying.per.join(' and ')}`} has many devices.`,
    remedy: 'Add "device" to "per", or use it for single readings: in "where", or in the condition of a "share".',
  });
}
