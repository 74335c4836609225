import type { SessionRecord, SessionStore } from '../../engine/ports.ts';
import { brokerAddress, type ResolvedBroker } from './broker.ts';

/** What one broker's session may be subscribed to. */
export interface SessionMemory {
  readonly filters: readonly string[];
  /** The broker has forgotten the session, and with it every subscription. */
  forget(): void;
  /** Takes in what is about to be subscribed to; durable when it returns. */
  remember(filters: readonly string[]): void;
  /** The broker has unsubscribed all but `kept`. Of the others the latest 1,000 stay remembered, because their messages may still come. */
  settle(kept: readonly string[]): void;
}

/** Filters that the config no longer has, and sessions of other configs; the latest. */
const MOST_FILTERS = 1_000;
const MOST_OTHERS = 100;

/**
 * Makes the memories of some brokers, in their order. A session belongs to a client id at an address. Where the address is new, the memory of
 * the broker with the same name is copied, because the broker may have moved. `onFault` gets what could not be read or written, in words for
 * people; the memory then holds for this process alone.
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
  const own = brokers.map((broker) => recall(found, broker));
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
      // Written with what is subscribed to next: until then there is nothing to unsubscribe, and that changes nothing.
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
    settle: (kept) => {
      const before = all[index]!.filters;
      const gone = before.filter((filter) => !kept.includes(filter));
      if (gone.length <= MOST_FILTERS) return;
      const forgotten = new Set(gone.slice(0, -MOST_FILTERS));
      change(before.filter((filter) => !forgotten.has(filter)));
      save();
    },
  };
}

function recall(found: readonly SessionRecord[], broker: ResolvedBroker): SessionRecord {
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
