import type { BrokerConfig, Config, Qos } from '../model/config.ts';
import { covers, isShared, mergeFilters, overlaps, parseTemplate } from '../model/topic.ts';

/** A topic filter and the quality of service to request. */
export interface Subscription {
  readonly filter: string;
  readonly qos: Qos;
}

/** The subscriptions at a broker: those of its `subscribe` or, without it, the topics and status topics of its streams. */
export function subscriptionsOf(config: Config, broker: BrokerConfig): readonly Subscription[] {
  return withoutCovered(broker.subscribe ?? neededBy(config, broker));
}

/**
 * Removes each filter that another filter covers, because some brokers would deliver its messages twice. The other filter then requests
 * the higher QoS of the two. Shared subscriptions are not changed.
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

/** A subscription that replaces overlapping ones. */
export interface MergedSubscription extends Subscription {
  /** The filters that it replaces; only its own filter if it overlaps no other. */
  readonly of: readonly string[];
}

/**
 * Replaces overlapping subscriptions until no two overlap: two that overlap become the narrowest filter that covers both. The result may
 * match topics that nobody requested. Shared subscriptions are not changed.
 */
export function mergeOverlapping(subscriptions: readonly Subscription[]): readonly MergedSubscription[] {
  const merged: MergedSubscription[] = [];
  for (const { filter, qos } of subscriptions) {
    let one: MergedSubscription = { filter, qos, of: [filter] };
    // A merged filter may overlap filters that it did not overlap before.
    for (let i = findOverlap(merged, one.filter); i >= 0; i = findOverlap(merged, one.filter)) {
      const [other] = merged.splice(i, 1) as [MergedSubscription];
      const filter = mergeFilters(other.filter, one.filter);
      one = { filter, qos: Math.max(other.qos, one.qos) as Qos, of: [...other.of, ...one.of] };
    }
    merged.push(one);
  }
  return merged;
}

function findOverlap(merged: readonly MergedSubscription[], filter: string): number {
  return isShared(filter) ? -1 : merged.findIndex((other) => !isShared(other.filter) && overlaps(other.filter, filter));
}

function filterOf(topic: string): string {
  const template = parseTemplate(topic);
  if ('message' in template)
    throw new Error(`the topic ${topic} has passed the check of the config: ${template.message}`);
  return template.filter;
}
