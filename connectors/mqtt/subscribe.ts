import type { IClientSubscribeOptions, ISubscriptionMap, MqttClient } from 'mqtt';
import type { MergedSubscription } from '../../engine/config/subscriptions.ts';
import { isShared } from '../../engine/model/topic.ts';

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
  subscriptions: readonly MergedSubscription[],
  done: (outcome: SubscribeOutcome) => void,
): void {
  // MQTT has no empty request.
  if (subscriptions.length === 0) {
    done({ refusal: undefined, lowered: [] });
    return;
  }
  client.subscribe(subscriptionMap(subscriptions), (error, _requests, suback) => {
    const granted = (suback?.granted ?? []) as readonly number[];
    const refused = subscriptions.filter((_, index) => (granted[index] ?? 0) >= 128).map(nameOf);
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

function nameOf({ filter, of }: MergedSubscription): string {
  return of.length > 1 ? `${filter} (in place of ${of.join(' and ')})` : filter;
}

/** Retained messages come once per session (`rh` 1) and our own status not at all (`nl`); 3.1.1 knows neither. */
function subscriptionMap(subscriptions: readonly MergedSubscription[]): ISubscriptionMap {
  const entries = subscriptions.map(({ filter, qos }): [string, IClientSubscribeOptions] => [
    filter,
    // MQTT 5 forbids "no local" for shared subscriptions.
    { qos, rh: 1, nl: !isShared(filter) },
  ]);
  return Object.fromEntries(entries) as ISubscriptionMap;
}

/**
 * Ends subscriptions; one that there is not counts as ended. `done` gets the reason why not all of them ended, naming those that the broker
 * named, or undefined.
 */
export function unsubscribe(
  client: MqttClient,
  filters: readonly string[],
  done: (refusal: string | undefined) => void,
): void {
  client.unsubscribe([...filters], (error, answer) => {
    // MQTT 3.1.1 has no reason codes: its answer means that they are gone.
    const { granted = [] } = (answer ?? {}) as { readonly granted?: readonly number[] };
    const refused = filters.filter((_, index) => (granted[index] ?? 0) >= 128);
    if (error) done(error.message);
    else done(refused.length === 0 ? undefined : `the broker refused it for ${refused.join(', ')}`);
  });
}
