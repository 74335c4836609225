import type { Report } from '../../document/fault.ts';
import { suggest } from '../../document/suggest.ts';
import { ATTRIBUTE_PREFIX } from '../../model/attributes.ts';
import type { StreamConfig } from '../../model/config.ts';
import { durationOf, formatDuration } from '../../model/duration.ts';
import { DEVICE } from '../../model/plan/index-plan.ts';
import type { LastJoin, WindowJoin } from '../../model/plan/plan.ts';
import type { RuleFile, WithSpec } from '../../model/rule.ts';
import { findStream, hasDevice, namesOf, type StreamDraft } from './rule-streams.ts';

/** The two streams of a rule. */
interface Pair {
  readonly own: StreamDraft;
  readonly other: StreamDraft;
  /** By what their readings are matched. */
  readonly per: readonly string[];
}

/**
 * The stream of a rule that looks at two: one that is made of both, and shared by all rules for which it would be the same. It is added to
 * `world` where it is new. Undefined where one of the two does not exist, which is reported; what else is wrong is reported too.
 */
export function findCorrelation(
  rule: RuleFile,
  spec: WithSpec,
  world: StreamDraft[],
  report: Report,
): number | undefined {
  const of = findStream(world, rule.stream, report);
  const other = findStream(world, spec.stream, report, ['with', 'stream']);
  if (of === undefined || other === undefined) return undefined;
  const pair = { own: world[of]!, other: world[other]!, per: rule.per ?? world[of]!.keyings[0]!.per };
  checkPrefix(spec, report);
  checkMatching(rule, spec, pair, report);
  const lastMs = spec.last === undefined ? undefined : durationOf(spec.last);
  const name = nameOf(pair, lastMs);
  const known = world.findIndex(({ config }) => config.name === name);
  return known >= 0 ? known : world.push(correlationOf(pair, { name, of, with: other, lastMs })) - 1;
}

/** Says all that it means, so that what is remembered under a name is never taken for something else. No other stream has blanks in its name. */
function nameOf({ own, other, per }: Pair, lastMs: number | undefined): string {
  const both = `${own.config.name} with ${other.config.name}`;
  if (lastMs === undefined) return both;
  return `${both} (last ${formatDuration(lastMs)}${per.length === 0 ? '' : ` per ${per.join(', ')}`})`;
}

interface Meaning {
  readonly name: string;
  readonly of: number;
  readonly with: number;
  readonly lastMs: number | undefined;
}

function correlationOf(pair: Pair, { name, lastMs, ...sides }: Meaning): StreamDraft {
  const { own, other } = pair;
  const { ttlDays: ownTtlDays, status: _status, time: _time, sequence: _sequence, ...shape } = own.config;
  // A window of both must not wait for longer than either keeps its rows.
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
    // One of its own, since rules are numbered by the keying that they share.
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

/** Where readings of a stream have a label, or the device, which is a label of views; undefined: nowhere. */
function placeIn(stream: StreamDraft, name: string): number | undefined {
  const label = stream.config.labels.findIndex((each) => each.name === name);
  if (label >= 0) return label;
  return name === 'device' && hasDevice(stream) ? DEVICE : undefined;
}

function checkPrefix({ stream }: WithSpec, report: Report): void {
  if (`${stream}.` !== ATTRIBUTE_PREFIX) return;
  report(['with', 'stream'], {
    code: 'reserved-name',
    message: `the fields of stream "${stream}" would have the names of attributes, as in "${ATTRIBUTE_PREFIX}temp"`,
    remedy: `Let "${stream}" be the rule's own \`stream\`, and the other one stand in \`with\`; or rename it.`,
  });
}

/** Each name of the key must be there on both sides. Those that the own stream lacks are reported with the rest of its key. */
function checkMatching(rule: RuleFile, { stream }: WithSpec, { own, other, per }: Pair, report: Report): void {
  const [ownNames, names] = [namesOf(own), namesOf(other)];
  const both = ownNames.filter((name) => names.includes(name));
  per.forEach((name, i) => {
    if (names.includes(name) || !ownNames.includes(name)) return;
    const isSaid = rule.per !== undefined;
    const close = isSaid ? suggest(name, both) : undefined;
    const meant = both.map((each) => `"${each}"`).join(', ');
    const remedy = both.length === 0 ? 'They have nothing in common; "per": [] matches all.' : `Both have: ${meant}.`;
    report(isSaid ? ['per', i] : ['with', 'stream'], {
      code: 'not-in-both',
      message: `readings are matched by "${name}", which stream "${stream}" does not have`,
      remedy:
        close === undefined ? `${isSaid ? '' : 'Say by what, with "per". '}${remedy}` : `Did you mean "${close}"?`,
    });
  });
}
