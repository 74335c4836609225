import type { IClientSubscribeOptions, ISubscriptionMap, MqttClient } from 'mqtt';
import type { ResolvedBroker } from './broker.ts';

/** What a broker made of our subscriptions. */
export interface SubscribeOutcome {
  /** Why not all of them stand, naming the filters where the broker did; undefined: all stand. */
  readonly refusal: string | undefined;
  /** Filters granted at a lower QoS than was asked for. */
  readonly lowered: readonly { readonly filter: string; readonly qos: number }[];
}

/** Subscribes to everything in one packet; repeating it changes nothing. `done` is not called twice. */
export function subscribe(
  client: MqttClient,
  subscriptions: ResolvedBroker['subscriptions'],
  done: (outcome: SubscribeOutcome) => void,
): void {
  client.subscribe(subscriptionMap(subscriptions), (error, _requests, suback) => {
    const granted = (suback?.granted ?? []) as readonly number[];
    const refused = subscriptions.filter((_, index) => (granted[index] ?? 0) >= 128).map(({ filter }) => filter);
    const what = refused.length > 0 ? refused.join(', ') : 'its topics';
    done({
      refusal: error ? `the subscription to ${what} was refused (${error.message})` : undefined,
      lowered: subscriptions.flatMap(({ filter, qos }, index) => {
        const given = granted[index] ?? qos;
        return given < qos ? [{ filter, qos: given }] : [];
      }),
    });
  });
}

/** Retained messages come once per session (`rh` 1) and our own status not at all (`nl`); 3.1.1 knows neither. */
function subscriptionMap(subscriptions: ResolvedBroker['subscriptions']): ISubscriptionMap {
  const entries = subscriptions.map(({ filter, qos }): [string, IClientSubscribeOptions] => [
    filter,
    // MQTT 5 forbids "no local" for shared subscriptions.
    { qos, rh: 1, nl: !filter.startsWith('$share/') },
  ]);
  return Object.fromEntries(entries) as ISubscriptionMap;
}
