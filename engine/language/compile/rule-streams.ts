import type { Path } from '../../document/document.ts';
import type { Report } from '../../document/fault.ts';
import { suggest } from '../../document/suggest.ts';
import type { StreamConfig } from '../../model/config.ts';
import type { Keying } from '../../model/plan/keying.ts';
import type { StreamOrigin } from '../../model/plan/plan.ts';
import type { ViewPlan } from '../../model/plan/rule-plan.ts';
import type { RuleFile } from '../../model/rule.ts';
import type { Scope } from './scope.ts';

/** A stream that rules may be over, while the plan is being made. */
export interface StreamDraft {
  readonly config: StreamConfig;
  /** Of a view, its name stands in place of its rule. */
  readonly origin: Exclude<StreamOrigin, { kind: 'view' }> | { readonly kind: 'view'; readonly name: string };
  readonly level: number;
  readonly graceMs: number;
  /** What its readings mean: changes with what it is made of. Undefined: its config says all. */
  readonly version: string | undefined;
  readonly keyings: Keying[];
}

export function deviceStream(config: StreamConfig): StreamDraft {
  const keyings = [{ index: 0, per: ['device'], parts: [-1], byDevice: true }];
  return { config, origin: { kind: 'devices' }, level: 0, graceMs: 0, version: undefined, keyings };
}

/** The stream of a name; where there is none, that is reported at `path`. Correlations have names of their own, by which no rule is over them. */
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
    message: `there is no stream "${name}"`,
    remedy: close === undefined ? `There are: ${names.join(', ')}.` : `Did you mean "${close}"?`,
  });
  return undefined;
}

/** A rule that raises no alert: what its facts come to is told and stored, and is a stream for other rules. */
export function isView(rule: RuleFile): boolean {
  return rule.event === undefined;
}

/** What a view is made of, and how far apart its results are. */
export interface ViewDraft<E> {
  readonly rule: RuleFile;
  readonly version: string;
  readonly keying: Keying;
  readonly source: StreamDraft;
  readonly scope: Scope<E>;
  readonly units: Readonly<Record<string, string>>;
  /** Event time from one result to the next, as far as it is known, and by which results come after it. */
  readonly strideMs: number;
}

const UNBOUNDED = { devices: Number.POSITIVE_INFINITY, keys: Number.POSITIVE_INFINITY };

/** The stream of a view, and how its readings get their values. Each key of the view is a device there, and the parts of its key are labels. */
export function viewStream<E>(draft: ViewDraft<E>): { stream: StreamDraft; view: ViewPlan<E> } {
  const { rule, version, keying, source, scope, units, strideMs } = draft;
  const names = scope.names.filter((name) => isFactOf(rule, name));
  const fields = names.map((name) => {
    const unit = units[name];
    return { name, path: name, type: scope.typeOf(name) ?? 'number', ...(unit !== undefined && { unit }) } as const;
  });
  const { ttlDays: _ttlDays, status: _status, time: _time, sequence: _sequence, ...shape } = source.config;
  const labels = keying.per.map((name) => ({ name, place: { path: name } as const }));
  return {
    stream: {
      // Its devices are the keys of the view, which has bounded them.
      config: { ...shape, limits: { ...shape.limits, ...UNBOUNDED }, name: rule.name, labels, fields },
      origin: { kind: 'view', name: rule.name },
      level: source.level + 1,
      graceMs: source.graceMs + strideMs,
      version,
      keyings: [{ index: 0, per: keying.per, parts: keying.per.map((_, i) => i), byDevice: true }],
    },
    view: { names, values: names.map((name) => scope.resolve(name)!) },
  };
}

/** An aggregate that gives several has `NAME.0`, `NAME.1`, … */
function isFactOf({ facts = {} }: RuleFile, name: string): boolean {
  return Object.hasOwn(facts, name) || Object.hasOwn(facts, name.replace(/\.\d+$/, ''));
}

/**
 * The rules in an order in which each view stands before the rules over it, and else as given. Of views that are over each other in
 * a circle, `circles` has the names along it, by the place of each of their rules. A stream of the config stands before a view of its name.
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

/** Names of the streams that a rule is over. */
export function sourcesOf(rule: RuleFile): readonly string[] {
  return rule.with === undefined ? [rule.stream] : [rule.stream, rule.with.stream];
}

/** Its readings are of devices. */
export function hasDevice({ origin }: StreamDraft): boolean {
  return origin.kind === 'devices' || (origin.kind === 'correlation' && origin.hasDevice);
}

/** What the readings of a stream may be grouped by. */
export function namesOf(stream: StreamDraft): readonly string[] {
  const labels = stream.config.labels.map((label) => label.name);
  return hasDevice(stream) ? ['device', ...labels] : labels;
}

/** The way in which a rule groups the readings of its stream; by its devices unless it says otherwise. */
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
        message: `stream "${config.name}" has no label "${name}"`,
        remedy: close === undefined ? `It has: ${names.join(', ')}.` : `Did you mean "${close}"?`,
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
