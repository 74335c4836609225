import type { Path } from '../document/document.ts';
import { covers, isShared, overlaps, parseTemplate } from '../model/topic.ts';
import { listBrokers } from './check-servers.ts';
import type { BrokerEntry, StreamEntry } from './config-file.ts';
import { DEFAULTS } from './defaults.ts';
import type { Inspection } from './inspection.ts';
import { mergeOverlapping, withoutCovered } from './subscriptions.ts';

/** A filter of the file, and where it stands there. */
interface Asked {
  readonly filter: string;
  readonly path: Path;
}

/** Warns of topics that overlap: what is subscribed to in their place, what may count twice, and which stream never gets a message. */
export function checkOverlaps(inspection: Inspection): void {
  const { isPresent, file } = inspection;
  if (!isPresent(['streams']) || !isPresent(['mqtt'])) return;
  const streams = Object.entries(file.streams).filter(([name]) => isPresent(['streams', name]));
  for (const { entry, path } of listBrokers(inspection)) {
    const own = streams.filter(([, { broker }]) => broker === undefined || broker === nameOf(entry));
    const asked = entry.subscribe === undefined ? askedBy(inspection, own) : askedIn(inspection, entry, path);
    warnMerged(inspection, asked);
    warnShared(inspection, asked);
  }
  warnShadowed(inspection, streams);
}

const nameOf = ({ name = DEFAULTS.mqtt.name }: BrokerEntry) => name;

function askedBy({ isSound }: Inspection, streams: readonly (readonly [string, StreamEntry])[]): readonly Asked[] {
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

function askedIn({ isSound, isPresent }: Inspection, { subscribe = [] }: BrokerEntry, path: Path): readonly Asked[] {
  if (!isPresent([...path, 'subscribe'])) return [];
  return subscribe.flatMap((one, index) => {
    const place = [...path, 'subscribe', index];
    return isSound(place) ? [{ filter: typeof one === 'string' ? one : one.filter, path: place }] : [];
  });
}

function warnMerged({ faults }: Inspection, asked: readonly Asked[]): void {
  const wanted = withoutCovered(asked.map(({ filter }) => ({ filter, qos: 0 })));
  for (const { filter, of } of mergeOverlapping(wanted)) {
    if (of.length < 2) continue;
    const { path } = asked.find((each) => each.filter === of.at(-1))!;
    const names = of.map((each) => `\`${each}\``).join(' and ');
    const message = `${names} overlap; Weir subscribes to \`${filter}\` in their place, and drops what none of them asks for.`;
    const remedy = 'If that brings too many messages, choose topics that do not overlap, or that cover one another.';
    faults.push({ code: 'overlapping-topics', severity: 'warning', path, message, remedy });
  }
}

function warnShared({ faults }: Inspection, asked: readonly Asked[]): void {
  for (const one of asked.filter(({ filter }) => isShared(filter))) {
    const other = asked.find((each) => each !== one && overlaps(bare(each.filter), bare(one.filter)));
    if (other === undefined) continue;
    const message = `\`${one.filter}\` and \`${other.filter}\` overlap: the broker delivers a message by each, and it counts twice.`;
    const remedy = 'Keep one of the two, or subscribe to topics that do not overlap.';
    faults.push({ code: 'overlapping-topics', severity: 'warning', path: one.path, message, remedy });
  }
}

function bare(filter: string): string {
  return isShared(filter) ? filter.split('/').slice(2).join('/') : filter;
}

/** The first stream whose topic fits takes a message. */
function warnShadowed(inspection: Inspection, streams: readonly (readonly [string, StreamEntry])[]): void {
  const topics = streams.flatMap(([name, { topic, broker }]) =>
    askedBy(inspection, [[name, { topic } as StreamEntry]]).map((asked) => ({ ...asked, name, broker })),
  );
  for (const [i, { filter, name, broker, path }] of topics.entries()) {
    const first = topics
      .slice(0, i)
      .find((each) => (each.broker === undefined || each.broker === broker) && covers(each.filter, filter));
    // That two have the same topic is an error of its own.
    if (first === undefined || first.filter === filter) continue;
    const message = `\`${name}\` gets no message: \`${first.name}\` stands before it and takes all of its topics.`;
    const remedy = `Move \`${name}\` before \`${first.name}\`.`;
    inspection.faults.push({ code: 'shadowed-topic', severity: 'warning', path, message, remedy });
  }
}
