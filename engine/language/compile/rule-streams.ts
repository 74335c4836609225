import type { Path } from '../../document/document.ts';
import type { Report } from '../../document/fault.ts';
import { suggest } from '../../document/suggest.ts';
import type { StreamConfig } from '../../model/config.ts';
import type { Keying } from '../../model/plan/keying.ts';
import type { StreamOrigin } from '../../model/plan/plan.ts';
import type { ViewPlan } from '../../model/plan/rule-plan.ts';
import type { RuleFile } from '../../model/rule.ts';
import type { Scope } from './scope.ts';

/** A stream that rules can use, while the plan is being compiled. */
export interface StreamDraft {
  readonly config: StreamConfig;
  /** The origin of the stream. A view has its name here; the plan has its rule. */
  readonly origin: Exclude<StreamOrigin, { kind: 'view' }> | { readonly kind: 'view'; readonly name: string };
  readonly level: number;
  readonly graceMs: number;
  /** A hash that changes if the meaning of its readings changes; undefined if its config alone defines that. */
  readonly version: string | undefined;
  readonly keyings: Keying[];
}

/** Makes a stream of devices from its config. */
export function deviceStream(config: StreamConfig): StreamDraft {
  const keyings = [{ index: 0, per: ['device'], parts: [-1], byDevice: true }];
  return { config, origin: { kind: 'devices' }, level: 0, graceMs: 0, version: undefined, keyings };
}

/** Finds a stream by its name. If there is none, that is reported at `path`. Correlations are skipped: rules cannot name them. */
export function findStream(
  streams: readonly StreamDraft[],
  name: string,
  report: Report,
  path: Path = ['stream'],
): number | undefined {
  const index = streams.findIndex(({ config, origin }) => config.name === name && origin.kind !== 'correlation');
  if (index >= 0) return index;
  const names = streams.filter(({ origin }) => origin.kind !== 'correlation').map(({ config }) => config.name);
  const close = suggest(name, names);
  report(path, {
    code: 'unknown-stream',
    message: `There is no stream "${name}".`,
    remedy: close === undefined ? `Known streams: ${names.join(', ')}.` : `Did you mean "${close}"?`,
  });
  return undefined;
}

/** Whether a rule is a view: it raises no alert. Its facts are published and stored, and other rules can use them as a stream. */
export function isView(rule: RuleFile): boolean {
  return rule.event === undefined;
}

/** What the stream of a view is made from. */
export interface ViewInput<E> {
  readonly rule: RuleFile;
  readonly version: string;
  readonly keying: Keying;
  readonly source: StreamDraft;
  readonly scope: Scope<E>;
  readonly units: Readonly<Record<string, string>>;
  /** Event time from one result to the next, as far as it is known, plus the lateness of results, in milliseconds. */
  readonly emitIntervalMs: number;
}

const UNBOUNDED = { devices: Number.POSITIVE_INFINITY, keys: Number.POSITIVE_INFINITY };

/** Makes the stream of a view, and the getters of its values. Each key of the view is a device of that stream, and the parts of the key are labels. */
export function viewStream<E>(input: ViewInput<E>): { stream: StreamDraft; view: ViewPlan<E> } {
  const { rule, version, keying, source, scope, units, emitIntervalMs } = input;
  const names = scope.names.filter((name) => isFactOf(rule, name));
  const fields = names.map((name) => {
    const unit = units[name];
    return { name, path: name, type: scope.typeOf(name) ?? 'number', ...(unit !== undefined && { unit }) } as const;
  });
  const { ttlDays: _ttlDays, status: _status, time: _time, sequence: _sequence, ...shape } = source.config;
  const labels = keying.per.map((name) => ({ name, place: { path: name } as const }));
  return {
    stream: {
      // The devices are the keys of the view, whose number is already limited there.
      config: { ...shape, limits: { ...shape.limits, ...UNBOUNDED }, name: rule.name, labels, fields },
      origin: { kind: 'view', name: rule.name },
      level: source.level + 1,
      graceMs: source.graceMs + emitIntervalMs,
      version,
      keyings: [{ index: 0, per: keying.per, parts: keying.per.map((_, i) => i), byDevice: true }],
    },
    view: { names, values: names.map((name) => scope.resolve(name)!) },
  };
}

/** Whether a name is a fact of the rule. An aggregate with several values has `NAME.0`, `NAME.1`, … */
function isFactOf({ facts = {} }: RuleFile, name: string): boolean {
  return Object.hasOwn(facts, name) || Object.hasOwn(facts, name.replace(/\.\d+$/, ''));
}

/**
 * Orders the rules so that each view comes before the rules over it; otherwise they keep the order given. If views use each other in a
 * circle, `circles` has the names along the circle, by the index of each rule in it. A stream of the config has precedence over a view of
 * the same name.
 */
export function orderRules(
  streams: readonly StreamConfig[],
  parsed: readonly { readonly rule: RuleFile }[],
): {
  order: readonly number[];
  circles: ReadonlyMap<number, readonly string[]>;
} {
  const views = new Map<string, number>();
  parsed.forEach(({ rule }, i) => {
    if (isView(rule) && !streams.some(({ name }) => name === rule.name)) views.set(rule.name, i);
  });
  const order: number[] = [];
  const circles = new Map<number, readonly string[]>();
  const done = new Set<number>();
  const visit = (index: number, way: readonly number[]): void => {
    const begun = way.indexOf(index);
    if (begun >= 0) {
      const circle = way.slice(begun);
      const names = circle.map((each) => parsed[each]!.rule.name);
      circle.forEach((each, i) => {
        circles.set(each, [...names.slice(i), ...names.slice(0, i + 1)]);
      });
      return;
    }
    if (done.has(index)) return;
    for (const name of sourcesOf(parsed[index]!.rule)) {
      const source = views.get(name);
      if (source !== undefined) visit(source, [...way, index]);
    }
    if (done.has(index)) return;
    done.add(index);
    order.push(index);
  };
  for (let i = 0; i < parsed.length; i++) visit(i, []);
  return { order, circles };
}

/** The names of the streams that a rule uses. */
export function sourcesOf(rule: RuleFile): readonly string[] {
  return rule.with === undefined ? [rule.stream] : [rule.stream, rule.with.stream];
}

/** Whether the readings of a stream have a device. */
export function hasDevice({ origin }: StreamDraft): boolean {
  return origin.kind === 'devices' || (origin.kind === 'correlation' && origin.hasDevice);
}

/** The names by which the readings of a stream can be grouped. */
export function namesOf(stream: StreamDraft): readonly string[] {
  const labels = stream.config.labels.map((label) => label.name);
  return hasDevice(stream) ? ['device', ...labels] : labels;
}

/** Finds or makes the keying of a rule: how it groups the readings of its stream. The default is that of the stream. */
export function keyingOf(rule: RuleFile, stream: StreamDraft, report: Report): Keying {
  const { config, keyings: known } = stream;
  const per = rule.per ?? known[0]!.per;
  const labels = config.labels.map((label) => label.name);
  const names = namesOf(stream);
  const parts = per.map((name, i) => {
    if (!names.includes(name)) {
      const close = suggest(name, names);
      report(['per', i], {
        code: 'unknown-label',
        message: `Stream "${config.name}" has no label "${name}".`,
        remedy: close === undefined ? `The stream has: ${names.join(', ')}.` : `Did you mean "${close}"?`,
      });
    }
    return labels.indexOf(name);
  });
  const same = known.find(
    (keying) => keying.per.length === per.length && keying.per.every((name, i) => name === per[i]),
  );
  if (same !== undefined) return same;
  const keying = { index: known.length, per, parts, byDevice: false };
  known.push(keying);
  return keying;
}
