import { statfs } from 'node:fs/promises';
import type { Outbox } from '../delivery/outbox.ts';
import type { Journal } from '../journal/journal.ts';
import type { Config } from '../model/config.ts';

/** How full the fullest part is, as a fraction of its limit: from 1 on, nothing is taken in. */
export interface Fullness {
  /** Why nothing is taken in, if the level is 1 or more. */
  readonly name: string;
  readonly level: number;
}

export interface BackpressureOptions {
  readonly config: Config;
  readonly journal: Pick<Journal, 'bytes'>;
  readonly tables: Pick<Outbox, 'bytes'>;
  readonly events: Pick<Outbox, 'bytes'>;
}

/** Measures everything that can become full: delivery queues, journal and disk. */
export interface Backpressure {
  /** The fullest part. */
  most(): Fullness;
  /** Reads the free space of the disk. Rejects if the system does not tell it. */
  measureDisk(): Promise<void>;
  /**
   * Resolves once the delivery queues and the disk have room. The journal does not count: a replay of it makes it no fuller, and only what the
   * replay delivers makes it smaller.
   */
  queuesHaveRoom(): Promise<void>;
  /** To be called when a queue has become shorter, or a checkpoint was written. */
  update(): void;
  /** Lets everybody go on who waits for room, because the engine stops. */
  release(): void;
}

export function createBackpressure({ config, journal, tables, events }: BackpressureOptions): Backpressure {
  const { clickhouse, nats, data } = config;
  let diskIsShort = false;
  const waiting: (() => void)[] = [];
  const ofQueues = (): readonly Fullness[] => [
    { name: 'the disk is nearly full', level: diskIsShort ? 1 : 0 },
    { name: 'too many rows wait for ClickHouse', level: tables.bytes / clickhouse.queueBytes },
    { name: 'too many events wait for NATS', level: events.bytes / nats.outboxBytes },
  ];
  const haveRoom = () => greatest(ofQueues()).level <= 1;
  const release = () => {
    for (const resolve of waiting.splice(0)) resolve();
  };
  return {
    most: () =>
      greatest([...ofQueues(), { name: 'the journal is full', level: journal.bytes / config.journal.maxBytes }]),
    async measureDisk() {
      const { bavail, bsize } = await statfs(data);
      diskIsShort = bavail * bsize < config.journal.minFreeBytes;
    },
    async queuesHaveRoom() {
      if (!haveRoom()) await new Promise<void>((resolve) => waiting.push(resolve));
    },
    update() {
      if (haveRoom()) release();
    },
    release,
  };
}

function greatest(all: readonly Fullness[]): Fullness {
  return all.reduce((most, each) => (each.level > most.level ? each : most));
}
