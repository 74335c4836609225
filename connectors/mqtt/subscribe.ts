import type { IClientSubscribeOptions, ISubscriptionMap, MqttClient } from 'mqtt';
import type { MergedSubscription } from '../../engine/config/subscriptions.ts';
import { isShared } from '../../engine/model/topic.ts';

/** The broker's answer to our subscriptions. */
export interface SubscribeOutcome {
  /** Why not all subscriptions are in effect, with the refused filters if the broker named them; undefined if all are. */
  readonly refusal: string | undefined;
  /** Filters that were granted with a lower QoS than requested. */
  readonly lowered: readonly { readonly filter: string; readonly qos: number }[];
}

/** Subscribes to all filters in one packet. Repeating it changes nothing. `done` is called at most once. */
export function subscribe(
  client: MqttClient,
  subscriptions: readonly MergedSubscription[],
  done: (outcome: SubscribeOutcome) => void,
): void {
  // MQTT does not allow an empty SUBSCRIBE.
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

/** `rh` 1: retained messages are sent once per session. `nl`: our own status messages are not sent to us. MQTT 3.1.1 has neither. */
function subscriptionMap(subscriptions: readonly MergedSubscription[]): ISubscriptionMap {
  const entries = subscriptions.map(({ filter, qos }): [string, IClientSubscribeOptions] => [
    filter,
    // MQTT 5 forbids "no local" for shared subscriptions.
    { qos, rh: 1, nl: !isShared(filter) },
  ]);
  return Object.fromEntries(entries) as ISubscriptionMap;
}

/**
 * Ends subscriptions; a subscription that does not exist counts as ended. `done` gets the reason if not all of them ended, with the
 * filters that the broker refused, or undefined.
 */
export function unsubscribe(
  client: MqttClient,
  filters: readonly string[],
  done: (refusal: string | undefined) => void,
): void {
  client.unsubscribe([...filters], (error, answer) => {
    // MQTT 3.1.1 has no reason codes: an answer means that all are unsubscribed.
    const { granted = [] } = (answer ?? {}) as { readonly granted?: readonly number[] };
    const refused = filters.filter((_, index) => (granted[index] ?? 0) >= 128);
    if (error) done(error.message);
    else done(refused.length === 0 ? undefined : `the broker refused it for ${refused.join(', ')}`);
  });
}
