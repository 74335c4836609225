import type { Path } from '../document/document.ts';
import { covers, isShared, overlaps, parseTemplate } from '../model/topic.ts';
import { listBrokers } from './check-servers.ts';
import type { BrokerEntry, StreamEntry } from './config-file.ts';
import { DEFAULTS } from './defaults.ts';
import type { Inspection } from './inspection.ts';
import { mergeOverlapping, withoutCovered } from './subscriptions.ts';

/** A topic filter of the file, with its path. */
interface RequestedFilter {
  readonly filter: string;
  readonly path: Path;
}

/** Warns of topics that overlap: filters that are merged into one, messages that may count twice, and streams that never get a message. */
export function checkOverlaps(inspection: Inspection): void {
  const { isPresent, file } = inspection;
  if (!isPresent(['streams']) || !isPresent(['mqtt'])) return;
  const streams = Object.entries(file.streams).filter(([name]) => isPresent(['streams', name]));
  for (const { entry, path } of listBrokers(inspection)) {
    const own = streams.filter(([, { broker }]) => broker === undefined || broker === nameOf(entry));
    const requested =
      entry.subscribe === undefined ? requestedByStreams(inspection, own) : requestedByBroker(inspection, entry, path);
    warnMerged(inspection, requested);
    warnShared(inspection, requested);
  }
  warnShadowed(inspection, streams);
}

const nameOf = ({ name = DEFAULTS.mqtt.name }: BrokerEntry) => name;

function requestedByStreams(
  { isSound }: Inspection,
  streams: readonly (readonly [string, StreamEntry])[],
): readonly RequestedFilter[] {
  return streams.flatMap(([name, { topic, status }]) =>
    [
      { topic, path: ['streams', name, 'topic'] },
      { topic: status?.topic, path: ['streams', name, 'status', 'topic'] },
    ].flatMap(({ topic, path }) => {
      const parsed = topic !== undefined && isSound(path) ? parseTemplate(topic) : undefined;
      return parsed !== undefined && 'filter' in parsed ? [{ filter: parsed.filter, path }] : [];
    }),
  );
}

function requestedByBroker(
  { isSound, isPresent }: Inspection,
  { subscribe = [] }: BrokerEntry,
  path: Path,
): readonly RequestedFilter[] {
  if (!isPresent([...path, 'subscribe'])) return [];
  return subscribe.flatMap((one, index) => {
    const place = [...path, 'subscribe', index];
    return isSound(place) ? [{ filter: typeof one === 'string' ? one : one.filter, path: place }] : [];
  });
}

function warnMerged({ faults }: Inspection, requested: readonly RequestedFilter[]): void {
  const wanted = withoutCovered(requested.map(({ filter }) => ({ filter, qos: 0 })));
  for (const { filter, of } of mergeOverlapping(wanted)) {
    if (of.length < 2) continue;
    const { path } = requested.find((each) => each.filter === of.at(-1))!;
    const names = of.map((each) => `\`${each}\``).join(' and ');
    const message = `${names} overlap. Weir subscribes to \`${filter}\` instead, and drops messages that match none of them.`;
    const remedy =
      'If that brings too many messages, use topics that do not overlap, or of which one covers the other.';
    faults.push({ code: 'overlapping-topics', severity: 'warning', path, message, remedy });
  }
}

function warnShared({ faults }: Inspection, requested: readonly RequestedFilter[]): void {
  for (const one of requested.filter(({ filter }) => isShared(filter))) {
    const other = requested.find(
      (each) => each !== one && overlaps(withoutShare(each.filter), withoutShare(one.filter)),
    );
    if (other === undefined) continue;
    const message = `\`${one.filter}\` and \`${other.filter}\` overlap. The broker delivers a message that matches both twice, and it counts twice.`;
    const remedy = 'Remove one of the two, or use topics that do not overlap.';
    faults.push({ code: 'overlapping-topics', severity: 'warning', path: one.path, message, remedy });
  }
}

function withoutShare(filter: string): string {
  return isShared(filter) ? filter.split('/').slice(2).join('/') : filter;
}

/** A message goes to the first stream whose topic matches. */
function warnShadowed(inspection: Inspection, streams: readonly (readonly [string, StreamEntry])[]): void {
  const topics = streams.flatMap(([name, { topic, broker }]) =>
    requestedByStreams(inspection, [[name, { topic } as StreamEntry]]).map((requested) => ({
      ...requested,
      name,
      broker,
    })),
  );
  for (const [i, { filter, name, broker, path }] of topics.entries()) {
    const first = topics
      .slice(0, i)
      .find((each) => (each.broker === undefined || each.broker === broker) && covers(each.filter, filter));
    // Two streams with the same topic are an error that is reported elsewhere.
    if (first === undefined || first.filter === filter) continue;
    const message = `The stream \`${name}\` gets no messages: \`${first.name}\`, which comes before it, matches all of its topics.`;
    const remedy = `Move \`${name}\` before \`${first.name}\`.`;
    inspection.faults.push({ code: 'shadowed-topic', severity: 'warning', path, message, remedy });
  }
}
