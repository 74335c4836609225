import type { BrokerConfig, Config, Qos } from '../model/config.ts';
import { covers, isShared, mergeFilters, overlaps, parseTemplate } from '../model/topic.ts';

/** A topic filter with the quality of service to ask for. */
export interface Subscription {
  readonly filter: string;
  readonly qos: Qos;
}

/** What to subscribe to at a broker: what its config says, else what the topics and status topics of its streams need. */
export function subscriptionsOf(config: Config, broker: BrokerConfig): readonly Subscription[] {
  return withoutCovered(broker.subscribe ?? neededBy(config, broker));
}

/**
 * Leaves out each filter that another one covers, because some brokers would deliver its messages twice; the other one then asks for the
 * higher QoS of the two. Shared subscriptions are left as they are.
 */
export function withoutCovered(all: readonly Subscription[]): readonly Subscription[] {
  const wanted = all.filter(({ filter }) => !isShared(filter));
  const kept = wanted.filter(
    ({ filter }, i) =>
      !wanted.some((other) => covers(other.filter, filter) && !covers(filter, other.filter)) &&
      wanted.findIndex((other) => other.filter === filter) === i,
  );
  return [
    ...kept.map(({ filter }) => {
      const covered = wanted.filter((other) => covers(filter, other.filter));
      return { filter, qos: Math.max(...covered.map(({ qos }) => qos)) as Qos };
    }),
    ...all.filter(({ filter }) => isShared(filter)),
  ];
}

function neededBy(config: Config, broker: BrokerConfig): readonly Subscription[] {
  return config.streams
    .filter((stream) => stream.broker === undefined || stream.broker === broker.name)
    .flatMap(({ topic, status, qos }) =>
      [topic, ...(status === undefined ? [] : [status.topic])].map((each) => ({ filter: filterOf(each), qos })),
    );
}

/** A subscription that takes the place of others, which overlap. */
export interface Merged extends Subscription {
  /** What it is made of; itself alone where it overlaps nothing. */
  readonly of: readonly string[];
}

/**
 * Subscriptions that cover these and of which no two overlap: two that do are replaced by the narrowest filter that covers both, again
 * and again. It may match topics that nobody asked for. Shared subscriptions are left as they are.
 */
export function mergeOverlapping(subscriptions: readonly Subscription[]): readonly Merged[] {
  const merged: Merged[] = [];
  for (const { filter, qos } of subscriptions) {
    let one: Merged = { filter, qos, of: [filter] };
    // What one has become may overlap others that it did not overlap before.
    for (let i = findOverlap(merged, one.filter); i >= 0; i = findOverlap(merged, one.filter)) {
      const [other] = merged.splice(i, 1) as [Merged];
      const filter = mergeFilters(other.filter, one.filter);
      one = { filter, qos: Math.max(other.qos, one.qos) as Qos, of: [...other.of, ...one.of] };
    }
    merged.push(one);
  }
  return merged;
}

function findOverlap(merged: readonly Merged[], filter: string): number {
  return isShared(filter) ? -1 : merged.findIndex((other) => !isShared(other.filter) && overlaps(other.filter, filter));
}

function filterOf(topic: string): string {
  const template = parseTemplate(topic);
  if ('message' in template)
    throw new Error(`the topic ${topic} has passed the check of the config: ${template.message}`);
  return template.filter;
}
