import type { SessionRecord, SessionStore } from '../../engine/ports.ts';
import { brokerAddress, type ResolvedBroker } from './broker.ts';

/** The filters that one broker's session may be subscribed to, also those that the config no longer has. */
export interface SessionMemory {
  readonly filters: readonly string[];
  /** Call this when the broker has lost the session, and with it every subscription. */
  forget(): void;
  /** Adds filters before they are subscribed to. They are durable when it returns. */
  remember(filters: readonly string[]): void;
  /**
   * Call this when the broker has unsubscribed all filters except `kept`. The latest 1,000 of the others remain, because their messages
   * may still arrive.
   */
  onUnsubscribed(kept: readonly string[]): void;
}

/** The largest number of filters kept that the config no longer has. */
const MOST_FILTERS = 1_000;
/** The largest number of sessions of other configs that are kept. */
const MOST_OTHERS = 100;

/**
 * Creates the memories of the brokers, in their order. A session is identified by client id and address. If the address is new, the
 * memory of the broker with the same name is copied, because the broker may have moved. `onFault` gets the message of a failed read or
 * write; the memory is then kept in this process only.
 */
export function createMemories(
  store: SessionStore | undefined,
  brokers: readonly ResolvedBroker[],
  onFault: (reason: string) => void,
): readonly SessionMemory[] {
  const attempt = <T>(act: () => T, otherwise: T): T => {
    try {
      return act();
    } catch (error) {
      onFault((error as Error).message);
      return otherwise;
    }
  };
  const found = attempt(() => store?.read() ?? [], []);
  const own = brokers.map((broker) => recordOf(found, broker));
  const isOwn = (one: SessionRecord) => own.some((each) => isSame(each, one));
  const others = found.filter((each) => !isOwn(each)).slice(-MOST_OTHERS);
  return own.map((_, i) => createMemory(own, i, () => attempt(() => store?.write([...others, ...own]), undefined)));
}

function createMemory(all: SessionRecord[], index: number, save: () => void): SessionMemory {
  const change = (filters: readonly string[]): void => {
    all[index] = { ...all[index]!, filters };
  };
  let dirty = false;
  return {
    get filters() {
      return all[index]!.filters;
    },
    forget: () => {
      // This is written together with the next subscriptions. Until then there is nothing to unsubscribe, so an old file does no harm.
      change([]);
      dirty = true;
    },
    remember: (filters) => {
      const before = all[index]!.filters;
      const added = [...new Set(filters)].filter((filter) => !before.includes(filter));
      if (!dirty && added.length === 0) return;
      dirty = false;
      change([...before, ...added]);
      save();
    },
    onUnsubscribed: (kept) => {
      const before = all[index]!.filters;
      const gone = before.filter((filter) => !kept.includes(filter));
      if (gone.length <= MOST_FILTERS) return;
      const forgotten = new Set(gone.slice(0, -MOST_FILTERS));
      change(before.filter((filter) => !forgotten.has(filter)));
      save();
    },
  };
}

function recordOf(found: readonly SessionRecord[], broker: ResolvedBroker): SessionRecord {
  const { name, clientId } = broker.config;
  const { host, port } = brokerAddress(broker);
  const address = `${host}:${port}`;
  const none: SessionRecord = { clientId, address, broker: name, filters: [] };
  const known = found.find((each) => isSame(each, none));
  const moved = found.find((each) => each.clientId === clientId && each.broker === name);
  return { ...none, ...(known ?? moved), address, broker: name };
}

function isSame(one: SessionRecord, other: SessionRecord): boolean {
  return one.clientId === other.clientId && one.address === other.address;
}
