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
  /** Host and port, for people. */
  readonly address: string;
  readonly memory: SessionMemory;
  /** Numbers in [0, 1). */
  readonly random: () => number;
  readonly notice: (level: MqttNotice['level'], code: MqttNotice['code'], message: string) => void;
}

/** The subscriptions of one broker's session, across its connections. No two overlap, so a broker delivers no message twice. */
export interface Subscriptions {
  /** Whether the config asks for messages on a topic. */
  isWanted(topic: string): boolean;
  /** The broker has forgotten the session, and the subscriptions with it. */
  forget(): void;
  /**
   * Subscribes by a new connection, again and again until all subscriptions stand; then ends those that the config no longer has.
   * `onOutcome` gets why not all of them stand, after each attempt; undefined: all do.
   */
  begin(link: Link, onOutcome: (refusal: string | undefined) => void): void;
  /** The connection is over: nothing more is sent by it. */
  end(): void;
}

interface SubscriptionsState extends SubscriptionsOptions {
  /** What is subscribed to: the filters of the config, those that overlap merged. */
  readonly merged: ReturnType<typeof mergeOverlapping>;
  isWanted: (topic: string) => boolean;
  link: Link | undefined;
  timer: NodeJS.Timeout | undefined;
  /** Notices that would come again with every connection. */
  readonly told: Set<string>;
}

export function createSubscriptions(options: SubscriptionsOptions): Subscriptions {
  const state: SubscriptionsState = {
    ...options,
    merged: mergeOverlapping(options.broker.subscriptions),
    isWanted: wantedOf(options),
    link: undefined,
    timer: undefined,
    told: new Set(),
  };
  return {
    isWanted: (topic) => state.isWanted(topic),
    forget: () => state.memory.forget(),
    begin: (link, onOutcome) => {
      state.link = link;
      // Before the broker has them: a crash in between must not leave one that nobody knows of. What was merged may be there from a time
      // when it overlapped nothing.
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
    if (refusal === undefined) tellLowered(state, lowered);
    else if (attempt === 0) state.notice('error', 'subscribe-failed', `With ${state.address}, ${refusal}.`);
    onOutcome(refusal);
    if (refusal === undefined) endOthers(state, link, 0);
    else retry(state, attempt, () => subscribeAll(state, link, onOutcome, attempt + 1));
  });
}

/**
 * Unsubscribes what was ever subscribed to in this session and no longer is. With every connection, for a broker that was restored from an
 * older state may have it again; and only once what is wanted stands, for a topic that still is must not be without a subscription.
 */
function endOthers(state: SubscriptionsState, link: Link, attempt: number): void {
  const { memory, address } = state;
  const kept = state.merged.map(({ filter }) => filter);
  const gone = memory.filters.filter((filter) => !kept.includes(filter));
  if (gone.length === 0) return;
  unsubscribe(link.client, gone, (refusal) => {
    if (!isCurrent(state, link)) return;
    const what = `the subscription to ${gone.join(', ')} at ${address}`;
    if (refusal === undefined) {
      memory.settle(kept);
      tellOnce(state, 'info', 'unsubscribed', `Ended ${what}, which nothing needs.`);
      return;
    }
    tellOnce(state, 'warn', 'unsubscribe-failed', `Could not end ${what}: ${refusal}. Weir tries again.`);
    retry(state, attempt, () => endOthers(state, link, attempt + 1));
  });
}

function isCurrent(state: SubscriptionsState, link: Link): boolean {
  return state.link === link && link.open;
}

function retry(state: SubscriptionsState, attempt: number, act: () => void): void {
  state.timer = setTimeout(act, backoffMs(attempt, state.random));
}

function tellLowered({ notice }: SubscriptionsState, lowered: SubscribeOutcome['lowered']): void {
  for (const { filter, qos } of lowered) {
    notice('warn', 'qos-lowered', `The broker grants ${filter} at QoS ${qos} only, less than was asked for.`);
  }
}

function tellOnce(
  { told, notice }: SubscriptionsState,
  level: MqttNotice['level'],
  code: MqttNotice['code'],
  message: string,
): void {
  if (told.has(message)) return;
  told.add(message);
  notice(level, code, message);
}
