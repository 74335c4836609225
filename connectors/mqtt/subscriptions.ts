import { mergeOverlapping } from '../../engine/config/subscriptions.ts';
import { backoffMs } from '../../engine/delivery/backoff.ts';
import type { ResolvedBroker } from './broker.ts';
import type { Link } from './link.ts';
import type { SessionMemory } from './memory.ts';
import type { MqttNotice } from './notice.ts';
import { type SubscribeOutcome, subscribe, unsubscribe } from './subscribe.ts';
import { createWanted } from './wanted.ts';

export interface SubscriptionsOptions {
  readonly broker: ResolvedBroker;
  /** Host and port, for messages. */
  readonly address: string;
  readonly memory: SessionMemory;
  /** Returns numbers in [0, 1). */
  readonly random: () => number;
  readonly notice: (level: MqttNotice['level'], code: MqttNotice['code'], message: string) => void;
}

/** The subscriptions of one broker's session, across its connections. No two overlap, so a broker delivers no message twice. */
export interface Subscriptions {
  /** Whether a filter of the config matches the topic. */
  isWanted(topic: string): boolean;
  /** Call this when the broker has lost the session, and the subscriptions with it. */
  forget(): void;
  /**
   * Subscribes on a new connection, and retries until all subscriptions are in effect. Then it ends those that the config no longer has.
   * After each attempt `onOutcome` gets the reason if not all of them are in effect, otherwise undefined.
   */
  begin(link: Link, onOutcome: (refusal: string | undefined) => void): void;
  /** Call this when the connection is closed: nothing more is sent on it. */
  end(): void;
}

interface SubscriptionsState extends SubscriptionsOptions {
  /** The filters to subscribe to: those of the config, with overlapping ones merged. */
  readonly merged: ReturnType<typeof mergeOverlapping>;
  isWanted: (topic: string) => boolean;
  link: Link | undefined;
  timer: NodeJS.Timeout | undefined;
  /** Messages of notices that are reported once, not on every connection. */
  readonly reported: Set<string>;
}

export function createSubscriptions(options: SubscriptionsOptions): Subscriptions {
  const state: SubscriptionsState = {
    ...options,
    merged: mergeOverlapping(options.broker.subscriptions),
    isWanted: wantedOf(options),
    link: undefined,
    timer: undefined,
    reported: new Set(),
  };
  return {
    isWanted: (topic) => state.isWanted(topic),
    forget: () => state.memory.forget(),
    begin: (link, onOutcome) => {
      state.link = link;
      // Remember the filters before they are sent: after a crash in between, the broker must not have a subscription that is not
      // remembered. The unmerged filters may still be subscribed from a time when they overlapped nothing.
      state.memory.remember(state.merged.flatMap(({ filter, of }) => [...of, filter]));
      state.isWanted = wantedOf(state);
      subscribeAll(state, link, onOutcome, 0);
    },
    end: () => {
      state.link = undefined;
      clearTimeout(state.timer);
    },
  };
}

function wantedOf({ broker, memory }: SubscriptionsOptions): (topic: string) => boolean {
  const wanted = broker.subscriptions.map(({ filter }) => filter);
  return createWanted(wanted, memory.filters);
}

function subscribeAll(
  state: SubscriptionsState,
  link: Link,
  onOutcome: (refusal: string | undefined) => void,
  attempt: number,
): void {
  subscribe(link.client, state.merged, ({ refusal, lowered }) => {
    if (!isCurrent(state, link)) return;
    if (refusal === undefined) noticeLowered(state, lowered);
    else if (attempt === 0) state.notice('error', 'subscribe-failed', `Broker at ${state.address}: ${refusal}.`);
    onOutcome(refusal);
    if (refusal === undefined) unsubscribeOthers(state, link, 0);
    else retry(state, attempt, () => subscribeAll(state, link, onOutcome, attempt + 1));
  });
}

/**
 * Unsubscribes the filters of this session that are no longer needed. This runs on every connection, because a broker that was restored
 * from an older state may have them again. It runs only after the new subscriptions are in effect, so that no topic is without one.
 */
function unsubscribeOthers(state: SubscriptionsState, link: Link, attempt: number): void {
  const { memory, address } = state;
  const kept = state.merged.map(({ filter }) => filter);
  const gone = memory.filters.filter((filter) => !kept.includes(filter));
  if (gone.length === 0) return;
  unsubscribe(link.client, gone, (refusal) => {
    if (!isCurrent(state, link)) return;
    const what = `the subscription to ${gone.join(', ')} at ${address}`;
    if (refusal === undefined) {
      memory.onUnsubscribed(kept);
      noticeOnce(state, 'info', 'unsubscribed', `Ended ${what}: the config no longer needs it.`);
      return;
    }
    noticeOnce(state, 'warn', 'unsubscribe-failed', `Could not end ${what}: ${refusal}. Weir tries again.`);
    retry(state, attempt, () => unsubscribeOthers(state, link, attempt + 1));
  });
}

function isCurrent(state: SubscriptionsState, link: Link): boolean {
  return state.link === link && link.open;
}

function retry(state: SubscriptionsState, attempt: number, act: () => void): void {
  state.timer = setTimeout(act, backoffMs(attempt, state.random));
}

function noticeLowered({ notice }: SubscriptionsState, lowered: SubscribeOutcome['lowered']): void {
  for (const { filter, qos } of lowered) {
    notice('warn', 'qos-lowered', `The broker granted ${filter} with QoS ${qos} only, which is lower than requested.`);
  }
}

function noticeOnce(
  { reported, notice }: SubscriptionsState,
  level: MqttNotice['level'],
  code: MqttNotice['code'],
  message: string,
): void {
  if (reported.has(message)) return;
  reported.add(message);
  notice(level, code, message);
}
