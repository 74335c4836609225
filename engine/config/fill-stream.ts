import { parseBytes } from '../model/bytes.ts';
import type { Place, StreamConfig } from '../model/config.ts';
import { durationOf } from '../model/duration.ts';
import { parseTemplate, type Template } from '../model/topic.ts';
import type { StreamEntry } from './config-file.ts';
import { DEFAULTS } from './defaults.ts';

const DAY_MS = 86_400_000;
const DEFAULT = DEFAULTS.stream;

/** Finds the place of the device id; undefined if neither the entry nor its topic has one. */
export function deviceOf(entry: Pick<StreamEntry, 'device'>, template: Template): Place | undefined {
  if (typeof entry.device === 'string') return { path: entry.device };
  if (entry.device !== undefined) return entry.device;
  return template.names.includes('device') ? { topic: 'device' } : undefined;
}

/** The placeholders that become labels: all except that of the device and, for plain payloads, `{field}`. */
export function topicLabels(
  format: StreamEntry['format'] | undefined,
  template: Template,
  device: Place | undefined,
): string[] {
  const taken = device !== undefined && 'topic' in device ? device.topic : undefined;
  return template.names.filter((name) => name !== taken && !(format === 'plain' && name === 'field'));
}

/** Makes the config of a stream from an entry without faults. */
export function fillStream(name: string, entry: StreamEntry): StreamConfig {
  const template = parseTemplate(entry.topic);
  if (!('names' in template)) throw new Error(`stream ${name} has a bad topic, which the check should have reported`);
  const device = deviceOf(entry, template);
  if (device === undefined) throw new Error(`stream ${name} has no device, which the check should have reported`);
  const read = (path: string) => (entry.each === undefined ? fromRoot(path) : path);
  const place = (spelled: string | Place): Place => {
    const given = typeof spelled === 'string' ? { path: spelled } : spelled;
    return 'path' in given ? { path: read(given.path) } : given;
  };
  const limits = { ...DEFAULT.limits, ...entry.limits };
  return {
    name,
    topic: entry.topic,
    qos: entry.qos ?? DEFAULT.qos,
    format: entry.format,
    device: place(device),
    labels: [
      ...topicLabels(entry.format, template, device).map((label) => ({ name: label, place: { topic: label } })),
      ...Object.entries(entry.labels ?? {}).map(([label, spelled]) => ({ name: label, place: place(spelled) })),
    ],
    fields: Object.entries(entry.fields).map(([field, spelled]) => {
      const given = typeof spelled === 'string' ? { type: spelled } : spelled;
      return { name: field, ...given, path: read(given.path ?? field) };
    }),
    undeclared: entry.undeclared ?? DEFAULT.undeclared,
    coerce: entry.format === 'plain' || (entry.coerce ?? DEFAULT.coerce),
    limits: { ...limits, bytes: parseBytes(limits.bytes) as number },
    forgetMs: durationOf(entry.forget ?? DEFAULT.forget),
    ...(entry.broker === undefined ? {} : { broker: entry.broker }),
    ...(entry.each === undefined ? {} : { each: fromRoot(entry.each) }),
    ...(entry.time === undefined ? {} : { time: { ...entry.time, path: read(entry.time.path) } }),
    ...(entry.sequence === undefined ? {} : { sequence: fillSequence(entry.sequence, read) }),
    ...(entry.status === undefined ? {} : { status: fillStatus(entry.status) }),
    ...(entry.retain === undefined ? {} : { ttlDays: durationOf(entry.retain) / DAY_MS }),
  };
}

/** Removes `$.`, which means the message. Without `each`, all paths start there anyway. */
function fromRoot(path: string): string {
  return path.startsWith('$.') ? path.slice(2) : path;
}

function fillSequence(
  spelled: NonNullable<StreamEntry['sequence']>,
  read: (path: string) => string,
): NonNullable<StreamConfig['sequence']> {
  const given = typeof spelled === 'string' ? { path: spelled } : spelled;
  return { ...given, path: read(given.path) };
}

function fillStatus(status: NonNullable<StreamEntry['status']>): NonNullable<StreamConfig['status']> {
  const list = (spelled: string | readonly string[]) => (typeof spelled === 'string' ? [spelled] : spelled);
  return {
    topic: status.topic,
    offline: list(status.offline ?? DEFAULT.offline),
    online: list(status.online ?? DEFAULT.online),
  };
}
