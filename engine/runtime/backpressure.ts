import { statfs } from 'node:fs/promises';
import type { Outbox } from '../delivery/outbox.ts';
import type { Journal } from '../journal/journal.ts';
import type { Config } from '../model/config.ts';

/** How full a part of the engine is. */
export interface Fullness {
  /** Why intake stops, if the level is 1 or more. */
  readonly name: string;
  /** Fraction of the limit of this part. From 1 on, intake stops. */
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
  /** The part that is closest to its limit. */
  fullest(): Fullness;
  /** Reads the free space of the disk. Rejects if the operating system reports an error. */
  measureDisk(): Promise<void>;
  /**
   * Resolves once the delivery queues and the disk have room. The journal is not included: a replay does not add to it, and only
   * the deliveries of the replay make it smaller.
   */
  queuesHaveRoom(): Promise<void>;
  /** Checks the queues again. Call it when a queue has become shorter, or after a checkpoint. */
  update(): void;
  /** Resolves all pending `queuesHaveRoom`, because the engine stops. */
  release(): void;
}

export function createBackpressure({ config, journal, tables, events }: BackpressureOptions): Backpressure {
  const { clickhouse, nats, data } = config;
  let diskIsShort = false;
  const waiting: (() => void)[] = [];
  const queueLevels = (): readonly Fullness[] => [
    { name: 'the disk is nearly full', level: diskIsShort ? 1 : 0 },
    { name: 'too many rows wait for ClickHouse', level: tables.bytes / clickhouse.queueBytes },
    { name: 'too many events wait for NATS', level: events.bytes / nats.outboxBytes },
  ];
  const haveRoom = () => fullestOf(queueLevels()).level <= 1;
  const release = () => {
    for (const resolve of waiting.splice(0)) resolve();
  };
  return {
    fullest: () =>
      fullestOf([...queueLevels(), { name: 'the journal is full', level: journal.bytes / config.journal.maxBytes }]),
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

function fullestOf(parts: readonly Fullness[]): Fullness {
  return parts.reduce((fullest, part) => (part.level > fullest.level ? part : fullest));
}
