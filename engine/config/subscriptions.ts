import type { BrokerConfig, Config, Qos } from '../model/config.ts';
import { covers, parseTemplate } from '../model/topic.ts';

/** A topic filter with the quality of service to ask for. */
export interface Subscription {
  readonly filter: string;
  readonly qos: Qos;
}

/**
 * What to subscribe to at a broker: what its config says, else what the topics and status topics of its streams need.
 * A filter that another one covers is left out, since some brokers would deliver its messages twice; the other one then asks for
 * the higher QoS of the two.
 */
export function subscriptionsOf(config: Config, broker: BrokerConfig): readonly Subscription[] {
  if (broker.subscribe !== undefined) return broker.subscribe;
  const wanted = config.streams
    .filter((stream) => stream.broker === undefined || stream.broker === broker.name)
    .flatMap(({ topic, status, qos }) =>
      [topic, ...(status === undefined ? [] : [status.topic])].map((each) => ({ filter: filterOf(each), qos })),
    );
  const kept = wanted.filter(
    ({ filter }, i) =>
      !wanted.some((other) => covers(other.filter, filter) && !covers(filter, other.filter)) &&
      wanted.findIndex((other) => other.filter === filter) === i,
  );
  return kept.map(({ filter }) => {
    const covered = wanted.filter((other) => covers(filter, other.filter));
    return { filter, qos: Math.max(...covered.map(({ qos }) => qos)) as Qos };
  });
}

function filterOf(topic: string): string {
  const template = parseTemplate(topic);
  if ('message' in template)
    throw new Error(`the topic ${topic} has passed the check of the config: ${template.message}`);
  return template.filter;
}
