import type { StatusDecoder, StreamDecoder } from './compile-stream.ts';
import { hashTopic } from './identity.ts';
import { readDevice, readLabel } from './origin.ts';
import type { DataTopic } from './read.ts';
import { Rejection } from './rejection.ts';

/** Which decoder reads the messages of a topic. */
export type Route = DataRoute | StatusRoute | { readonly kind: 'none' };

/** The messages of the topic are readings of a stream. */
export interface DataRoute {
  readonly kind: 'data';
  readonly stream: number;
  readonly topic: DataTopic;
}

/** The topic is the status topic of one or more streams. */
export interface StatusRoute {
  readonly kind: 'status';
  readonly targets: readonly StatusTarget[];
}

/** A stream with this status topic, and the device that the topic names. */
export interface StatusTarget {
  readonly stream: StreamDecoder;
  readonly status: StatusDecoder;
  readonly device: string | Rejection;
  readonly labels: readonly string[];
}

/** The largest number of topics that are remembered per broker, and the longest such topic. Together they take at most about 30 MB. */
const MAX_TOPICS = 50_000;
const LONGEST_TOPIC = 256;
const NONE: Route = { kind: 'none' };

/**
 * Makes the lookup of the route by broker index and topic. Templates are matched once per topic, because routes are remembered. When there
 * are too many routes, all are forgotten at once.
 */
export function createRoutes(
  streams: readonly StreamDecoder[],
  brokers: readonly string[],
): (connection: number, topic: string) => Route {
  const memories: Map<string, Route>[] = [];
  return (connection, topic) => {
    let memory = memories[connection];
    if (memory === undefined) {
      memory = new Map();
      memories[connection] = memory;
    }
    const known = memory.get(topic);
    if (known !== undefined) return known;
    const broker = brokers[connection];
    const route = findRoute(
      streams.filter(({ config }) => config.broker === undefined || config.broker === broker),
      topic,
    );
    if (topic.length <= LONGEST_TOPIC) {
      if (memory.size >= MAX_TOPICS) memory.clear();
      memory.set(topic, route);
    }
    return route;
  };
}

function findRoute(streams: readonly StreamDecoder[], topic: string): Route {
  const targets = streams.flatMap((stream) => statusTarget(stream, topic) ?? []);
  if (targets.length > 0) return { kind: 'status', targets };
  for (const stream of streams) {
    const levels = stream.topic.match(topic);
    if (levels !== undefined) return { kind: 'data', stream: stream.index, topic: dataTopic(stream, topic, levels) };
  }
  return NONE;
}

function dataTopic(
  { config, device, labels, fieldLevel }: StreamDecoder,
  topic: string,
  levels: readonly string[],
): DataTopic {
  return {
    device: 'level' in device ? readDevice(levels[device.level], config.device) : undefined,
    labels: topicLabels(
      labels.map((label) => ('level' in label ? levels[label.level]! : '')),
      config,
    ),
    field: fieldLevel < 0 ? undefined : levels[fieldLevel],
    seed: hashTopic(topic),
  };
}

function topicLabels(labels: readonly string[], config: StreamDecoder['config']): readonly string[] | Rejection {
  const read = labels.map((label, i) => readLabel(label, config.labels[i]!.name));
  return read.find((label) => label instanceof Rejection) ?? (read as readonly string[]);
}

function statusTarget(stream: StreamDecoder, topic: string): StatusTarget | undefined {
  const { status } = stream;
  const levels = status?.topic.match(topic);
  if (status === undefined || levels === undefined) return undefined;
  const labels = topicLabels(
    status.labels.map((level) => (level < 0 ? '' : levels[level]!)),
    stream.config,
  );
  return {
    stream,
    status,
    device:
      labels instanceof Rejection
        ? labels
        : readDevice(levels[status.device], { topic: status.topic.names[status.device]! }),
    labels: labels instanceof Rejection ? [] : labels,
  };
}
