import type { Path } from '../document/document.ts';
import { formatPath } from '../document/fault.ts';
import { suggest } from '../document/suggest.ts';
import { covers, parseTemplate, type Template } from '../model/topic.ts';
import { checkContent } from './check-content.ts';
import { listBrokers } from './check-servers.ts';
import type { BrokerEntry, StreamEntry } from './config-file.ts';
import { DEFAULTS } from './defaults.ts';
import { deviceOf, topicLabels } from './fill-stream.ts';
import { checkBytes, checkDuration, type Inspection } from './inspection.ts';
import { checkName } from './names.ts';

/** Checks what the schema cannot express about the streams, each alone and all together. */
export function checkStreams(inspection: Inspection): void {
  const { file, faults, isPresent } = inspection;
  if (!isPresent(['streams'])) return;
  const taken = new Map<string, string>();
  for (const [name, entry] of Object.entries(file.streams)) {
    const path = ['streams', name];
    const fault = checkName('stream', name, path);
    if (fault !== undefined) faults.push(fault);
    if (!isPresent(path)) continue;
    checkDuration(inspection, [...path, 'forget'], entry.forget, { min: '10s', max: '3650d' });
    checkBytes(inspection, [...path, 'limits', 'bytes'], entry.limits?.bytes, { min: '1B', max: '256MB' });
    checkBroker(inspection, entry, path);
    const template = checkTopic(inspection, entry.topic, [...path, 'topic']);
    checkContent(inspection, entry, path, template);
    if (template === undefined) continue;
    checkSubscribed(inspection, entry, template.filter, [...path, 'topic']);
    checkStatus(inspection, entry, template, path);
    checkTopicUnique(inspection, entry, template.filter, path, taken);
  }
}

function checkTopic({ faults, isSound }: Inspection, topic: string, path: Path): Template | undefined {
  if (!isSound(path)) return undefined;
  const parsed = parseTemplate(topic);
  if ('names' in parsed) return parsed;
  faults.push({ code: 'bad-topic', path, ...parsed });
  return undefined;
}

function checkBroker(inspection: Inspection, entry: StreamEntry, streamPath: Path): void {
  const path = [...streamPath, 'broker'];
  if (entry.broker === undefined || !inspection.isSound(path) || !inspection.isPresent(['mqtt'])) return;
  const brokers = listBrokers(inspection);
  if (brokers.some((broker) => !inspection.isSound([...broker.path, 'name']))) return;
  const names = brokers.map((broker) => broker.entry.name ?? DEFAULTS.mqtt.name);
  if (names.includes(entry.broker)) return;
  const near = suggest(entry.broker, names);
  const remedy = `${near === undefined ? '' : `Did you mean "${near}"? `}Brokers under \`mqtt\`: ${names.join(', ')}.`;
  inspection.faults.push({ code: 'unknown-broker', path, message: `There is no broker "${entry.broker}".`, remedy });
}

/** A broker with `subscribe` subscribes to nothing else, so a topic that it does not cover would never get a message. */
function checkSubscribed(inspection: Inspection, entry: StreamEntry, filter: string, path: Path): void {
  const nameOf = ({ name = DEFAULTS.mqtt.name }: BrokerEntry) => name;
  const sources = listBrokers(inspection).filter((broker) => [undefined, nameOf(broker.entry)].includes(entry.broker));
  const isCovered = sources.some((broker) => {
    const { subscribe } = broker.entry;
    if (subscribe === undefined || !inspection.isSound([...broker.path, 'subscribe'])) return true;
    return subscribe.some((one) => covers(typeof one === 'string' ? one : one.filter, filter));
  });
  if (isCovered || sources.length === 0) return;
  const names = sources.map((broker) => `\`${nameOf(broker.entry)}\``).join(', ');
  const message = `The \`subscribe\` of the broker ${names} does not cover this topic.`;
  const remedy = `Add "${filter}" to it, or remove \`subscribe\`: Weir then subscribes to what the streams need.`;
  inspection.faults.push({ code: 'not-subscribed', severity: 'warning', path, message, remedy });
}

function checkStatus(inspection: Inspection, entry: StreamEntry, template: Template, streamPath: Path): void {
  const { faults, isSound, isPresent } = inspection;
  const path = [...streamPath, 'status', 'topic'];
  if (entry.status === undefined || !isPresent([...streamPath, 'status'])) return;
  checkWords(inspection, entry.status, [...streamPath, 'status']);
  const status = checkTopic(inspection, entry.status.topic, path);
  if (status === undefined || !isSound([...streamPath, 'device'])) return;
  const own = deviceOf(entry, template);
  const device = own !== undefined && 'topic' in own ? own.topic : 'device';
  if (!status.names.includes(device)) {
    const message = `${formatPath(path)} has no placeholder for the device id.`;
    faults.push({
      code: 'missing-device',
      path,
      message,
      remedy: `Put {${device}} at the level of the topic that is the device id.`,
    });
  }
  const labels = topicLabels(entry.format, template, own);
  for (const name of status.names) {
    if (name === device || labels.includes(name)) continue;
    const message = `{${name}} is not a label of this stream's topic.`;
    const remedy = `Write + instead of it${labels.length > 0 ? `, or one of ${labels.map((label) => `{${label}}`).join(', ')}` : ''}.`;
    faults.push({ code: 'unknown-placeholder', path, message, remedy });
  }
}

function checkWords(inspection: Inspection, status: NonNullable<StreamEntry['status']>, path: Path): void {
  if (!inspection.isSound([...path, 'offline']) || !inspection.isSound([...path, 'online'])) return;
  const online = [status.online ?? DEFAULTS.stream.online].flat();
  const both = [status.offline ?? DEFAULTS.stream.offline].flat().find((word) => online.includes(word));
  if (both === undefined) return;
  const place = [...path, status.offline === undefined ? 'online' : 'offline'];
  const message = `The payload ${JSON.stringify(both)} means both online and offline.`;
  inspection.faults.push({
    code: 'ambiguous-status',
    path: place,
    message,
    remedy: 'Keep it in one of the two lists.',
  });
}

/** A message belongs to one stream. Several streams may have the same status topic, but none may have it as its data topic. */
function checkTopicUnique(
  { faults, isSound }: Inspection,
  entry: StreamEntry,
  filter: string,
  path: Path,
  taken: Map<string, string>,
): void {
  const status =
    isSound([...path, 'status', 'topic']) && entry.status !== undefined ? parseTemplate(entry.status.topic) : undefined;
  if (status !== undefined && 'names' in status && status.filter === filter) {
    const message = 'Status and data have the same topic.';
    const remedy = 'Use another topic for the status.';
    faults.push({ code: 'duplicate-topic', path: [...path, 'status', 'topic'], message, remedy });
  }
  if (!isSound([...path, 'broker'])) return;
  const name = String(path[1]);
  for (const [key, other] of taken) {
    const [broker, otherFilter] = [key.slice(0, key.indexOf('\n')), key.slice(key.indexOf('\n') + 1)];
    if (otherFilter !== filter || (broker !== '' && entry.broker !== undefined && broker !== entry.broker)) continue;
    const message = `The streams \`${other}\` and \`${name}\` have the same topic.`;
    const remedy = 'Give each a different topic, or make them one stream.';
    faults.push({ code: 'duplicate-topic', path: [...path, 'topic'], message, remedy });
    return;
  }
  taken.set(`${entry.broker ?? ''}\n${filter}`, name);
}
