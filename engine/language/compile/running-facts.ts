import { type DetectorName, detectors } from '../../detectors/registry.ts';
import type { Path } from '../../document/document.ts';
import type { Report } from '../../document/fault.ts';
import { suggest } from '../../document/suggest.ts';
import type { StreamConfig } from '../../model/config.ts';
import type { DetectorKind } from '../../model/detector.ts';
import { parseDuration } from '../../model/duration.ts';
import type { FieldType } from '../../model/field.ts';
import type { Derived } from '../../model/item/window-result.ts';
import type { RunningFact } from '../../model/plan/rule-plan.ts';
import type { Reading } from '../../model/reading.ts';
import type { RuleFile, TopCondition } from '../../model/rule.ts';
import { compileCondition } from '../conditions/conditions.ts';
import { resultOf } from '../conditions/logic.ts';
import { definitionsOf, type Scope } from './scope.ts';

/** A running fact of a rule, split into its parts. */
export interface RunningSpec {
  readonly name: string;
  readonly detector: DetectorName;
  readonly kind: DetectorKind;
  /** Its source: the name of a field, a condition, or `true` for the time. */
  readonly of: unknown;
  /** Its span in milliseconds; 0 if it has none. */
  readonly spanMs: number;
}

/** The running facts of a rule whose structure is valid, in the order of its facts. */
export function runningFacts(facts: RuleFile['facts'] = {}): RunningSpec[] {
  return Object.entries(facts).flatMap(([name, spec]): RunningSpec[] => {
    const detector = detectorOf(spec);
    if (detector === undefined) return [];
    const kind = detectors[detector];
    const { [detector]: of, ...rest } = spec as Readonly<Record<string, unknown>>;
    const span = kind.span && rest[kind.span.key];
    const spanMs = (typeof span === 'string' ? parseDuration(span) : kind.span?.defaultMs) ?? 0;
    return [{ name, detector, kind, of, spanMs }];
  });
}

/** The detector that a fact names; undefined if it is another kind of fact. */
export function detectorOf(spec: object): DetectorName | undefined {
  return Object.keys(spec).find((key): key is DetectorName => Object.hasOwn(detectors, key));
}

/** Plans the running facts of a rule. Reports fields that do not exist or have the wrong type, and faults in conditions. */
export function planRunning(
  facts: RuleFile['facts'],
  stream: StreamConfig,
  reading: Scope<Reading>,
  report: Report,
): RunningFact[] {
  return runningFacts(facts).map((spec) => ({
    detector: spec.kind.create(spec.spanMs),
    read: planRead(spec, ['facts', spec.name, spec.detector], stream, reading, report),
  }));
}

function planRead(
  { kind, of, detector }: RunningSpec,
  path: Path,
  stream: StreamConfig,
  reading: Scope<Reading>,
  report: Report,
): RunningFact['read'] {
  if (kind.source === 'time') return () => true;
  if (kind.source === 'condition') {
    const { compiled, problems } = compileCondition(of as TopCondition, reading);
    for (const { path: inside, ...problem } of problems) report([...path, ...inside], problem);
    return compiled === undefined ? () => undefined : resultOf(compiled);
  }
  const name = String(of);
  const index = stream.fields.findIndex((field) => field.name === name);
  const field = stream.fields[index];
  if (field === undefined) {
    const names = stream.fields.map((each) => each.name);
    const close = suggest(name, names);
    const remedy = close === undefined ? `Its fields are: ${names.join(', ')}.` : `Did you mean "${close}"?`;
    report(path, { code: 'unknown-field', message: `Stream "${stream.name}" has no field "${name}".`, remedy });
  } else if (!kind.accepts.includes(field.type)) {
    const message = `"${detector}" cannot be used with "${name}", which is a ${field.type}.`;
    report(path, { code: 'wrong-type', message, remedy: `Use a field of type ${kind.accepts.join(' or ')}.` });
  }
  return ({ values }) => values[index];
}

/** The scope of a reading with its running facts. A fact must not have a name of the reading; that is reported. */
export function runningScope(
  facts: RuleFile['facts'],
  stream: StreamConfig,
  reading: Scope<Reading>,
  report: Report,
): Scope<Derived> {
  for (const name of Object.keys(facts ?? {})) {
    if (reading.typeOf(name) === undefined) continue;
    const message = `The fact "${name}" has the name of a field or label of stream "${stream.name}".`;
    report(['facts', name], { code: 'reserved-name', which: 'key', message, remedy: 'Choose another name.' });
  }
  const running = runningFacts(facts);
  const places = new Map(running.map(({ name }, i) => [name, i]));
  const types = new Map(running.map((spec) => [spec.name, typeOf(spec, stream)]));
  return {
    ...definitionsOf(reading),
    names: [...reading.names, ...places.keys()],
    resolve: (name) => {
      const place = places.get(name);
      if (place !== undefined) return (derived) => derived.running[place];
      const get = reading.resolve(name);
      return get && ((derived) => get(derived.reading));
    },
    typeOf: (name) => types.get(name) ?? reading.typeOf(name),
  };
}

function typeOf({ kind, of }: RunningSpec, stream: StreamConfig): FieldType {
  const field = kind.gives === 'field' ? stream.fields.find(({ name }) => name === of) : undefined;
  return field?.type ?? 'number';
}
