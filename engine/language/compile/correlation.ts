import type { Report } from '../../document/fault.ts';
import { suggest } from '../../document/suggest.ts';
import { ATTRIBUTE_PREFIX } from '../../model/attributes.ts';
import type { StreamConfig } from '../../model/config.ts';
import { durationOf, formatDuration } from '../../model/duration.ts';
import { DEVICE } from '../../model/plan/index-plan.ts';
import type { LastJoin, WindowJoin } from '../../model/plan/plan.ts';
import type { RuleFile, WithSpec } from '../../model/rule.ts';
import { findStream, hasDevice, namesOf, type StreamDraft } from './rule-streams.ts';

/** The two streams of a rule with `with`. */
interface Pair {
  readonly own: StreamDraft;
  readonly other: StreamDraft;
  /** The names by which their readings are matched. */
  readonly per: readonly string[];
}

/**
 * Finds the stream of a rule with `with`: the correlation of its two streams. Rules with the same correlation share it; a new one is added
 * to `streams`. All faults are reported. The result is undefined only if one of the two streams does not exist.
 */
export function findCorrelation(
  rule: RuleFile,
  spec: WithSpec,
  streams: StreamDraft[],
  report: Report,
): number | undefined {
  const of = findStream(streams, rule.stream, report);
  const other = findStream(streams, spec.stream, report, ['with', 'stream']);
  if (of === undefined || other === undefined) return undefined;
  const pair = { own: streams[of]!, other: streams[other]!, per: rule.per ?? streams[of]!.keyings[0]!.per };
  checkPrefix(spec, report);
  checkMatching(rule, spec, pair, report);
  const lastMs = spec.last === undefined ? undefined : durationOf(spec.last);
  const name = nameOf(pair, lastMs);
  const known = streams.findIndex(({ config }) => config.name === name);
  return known >= 0 ? known : streams.push(correlationOf(pair, { name, of, with: other, lastMs })) - 1;
}

/** The name of a correlation contains its whole meaning, so that its state is never used for another one. No other stream has spaces in its name. */
function nameOf({ own, other, per }: Pair, lastMs: number | undefined): string {
  const both = `${own.config.name} with ${other.config.name}`;
  if (lastMs === undefined) return both;
  return `${both} (last ${formatDuration(lastMs)}${per.length === 0 ? '' : ` per ${per.join(', ')}`})`;
}

/** The parts of a correlation. `of` and `with` are the indexes of its streams. */
interface CorrelationSpec {
  readonly name: string;
  readonly of: number;
  readonly with: number;
  readonly lastMs: number | undefined;
}

function correlationOf(pair: Pair, { name, lastMs, ...sides }: CorrelationSpec): StreamDraft {
  const { own, other } = pair;
  const { ttlDays: ownTtlDays, status: _status, time: _time, sequence: _sequence, ...shape } = own.config;
  // A window over both must not wait for longer than either stream keeps its rows.
  const ttlDays = Math.min(ownTtlDays ?? Number.POSITIVE_INFINITY, other.config.ttlDays ?? Number.POSITIVE_INFINITY);
  const versions = [own.version, other.version];
  const version = versions.every((each) => each === undefined) ? undefined : versions.join(' ');
  const join = lastMs === undefined ? windowJoin(pair) : lastJoin(pair, lastMs, version ?? '');
  return {
    config: {
      ...shape,
      ...(ttlDays < Number.POSITIVE_INFINITY && { ttlDays }),
      limits: {
        ...shape.limits,
        devices: own.config.limits.devices + other.config.limits.devices,
        keys: own.config.limits.keys + other.config.limits.keys,
      },
      name,
      fields: [...own.config.fields, ...fieldsOf(other.config)],
    },
    origin: { kind: 'correlation', ...sides, hasDevice: hasDevice(own), join },
    level: 1 + Math.max(own.level, other.level),
    graceMs: Math.max(own.graceMs, other.graceMs),
    version,
    // A new keying, because rules are numbered by the keying that they share.
    keyings: [{ ...own.keyings[0]!, index: 0 }],
  };
}

function fieldsOf({ name: stream, fields }: StreamConfig): StreamConfig['fields'] {
  return fields.map((field) => ({ ...field, name: `${stream}.${field.name}` }));
}

function lastJoin({ own, other, per }: Pair, lastMs: number, version: string): LastJoin {
  const placesIn = (stream: StreamDraft) => per.map((name) => placeIn(stream, name) ?? DEVICE);
  return { kind: 'last', lastMs, parts: placesIn(own), otherParts: placesIn(other), version };
}

function windowJoin({ own, other }: Pair): WindowJoin {
  const labels = own.config.labels.map(({ name }) => placeIn(other, name));
  return { kind: 'window', labels, device: placeIn(other, 'device') };
}

/** Finds the label of a stream, or its device (which is a label in views); undefined if the stream has none of that name. */
function placeIn(stream: StreamDraft, name: string): number | undefined {
  const label = stream.config.labels.findIndex((each) => each.name === name);
  if (label >= 0) return label;
  return name === 'device' && hasDevice(stream) ? DEVICE : undefined;
}

function checkPrefix({ stream }: WithSpec, report: Report): void {
  if (`${stream}.` !== ATTRIBUTE_PREFIX) return;
  report(['with', 'stream'], {
    code: 'reserved-name',
    message: `The fields of stream "${stream}" would have the names of attributes, such as "${ATTRIBUTE_PREFIX}temp".`,
    remedy: `Use "${stream}" as the \`stream\` of the rule and the other stream in \`with\`, or rename "${stream}".`,
  });
}

/** Each name in `per` must exist in both streams. A name that the rule's own stream lacks is reported elsewhere. */
function checkMatching(rule: RuleFile, { stream }: WithSpec, { own, other, per }: Pair, report: Report): void {
  const [ownNames, names] = [namesOf(own), namesOf(other)];
  const both = ownNames.filter((name) => names.includes(name));
  per.forEach((name, i) => {
    if (names.includes(name) || !ownNames.includes(name)) return;
    const isSaid = rule.per !== undefined;
    const close = isSaid ? suggest(name, both) : undefined;
    const meant = both.map((each) => `"${each}"`).join(', ');
    const remedy =
      both.length === 0
        ? 'The streams have no name in common; "per": [] matches all readings.'
        : `Both streams have: ${meant}.`;
    report(isSaid ? ['per', i] : ['with', 'stream'], {
      code: 'not-in-both',
      message: `Readings are matched by "${name}", but stream "${stream}" has no "${name}".`,
      remedy:
        close === undefined
          ? `${isSaid ? '' : 'Name the labels to match by in "per". '}${remedy}`
          : `Did you mean "${close}"?`,
    });
  });
}
