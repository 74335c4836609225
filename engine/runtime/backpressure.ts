import { statfs } from 'node:fs/promises';
import type { Outbox } from '../delivery/outbox.ts';
import type { Journal } from '../journal/journal.ts';
import type { Config } from '../model/config.ts';

/** What keeps messages out, as a part of its limit: from 1 on nothing is taken in. */
export interface Pressure {
  readonly name: string;
  readonly level: number;
}

export interface GaugeOptions {
  readonly config: Config;
  readonly journal: Pick<Journal, 'bytes'>;
  readonly tables: Pick<Outbox, 'bytes'>;
  readonly events: Pick<Outbox, 'bytes'>;
}

/** Knows how full everything is that can be full. */
export interface PressureGauge {
  /** The greatest pressure of the moment. */
  most(): Pressure;
  /** The same but for the journal, which what waits in it does not make fuller. */
  mostOfOutlets(): Pressure;
  /** Looks at the free space of the disk. */
  lookAtDisk(): Promise<void>;
}

export function createPressureGauge({ config, journal, tables, events }: GaugeOptions): PressureGauge {
  const { clickhouse, nats, data } = config;
  let diskShort = false;
  const ofOutlets = (): readonly Pressure[] => [
    { name: 'the disk is nearly full', level: diskShort ? 1 : 0 },
    { name: 'too many rows wait for ClickHouse', level: tables.bytes / clickhouse.queueBytes },
    { name: 'too many events wait for NATS', level: events.bytes / nats.outboxBytes },
  ];
  return {
    most: () =>
      greatest([...ofOutlets(), { name: 'the journal is full', level: journal.bytes / config.journal.maxBytes }]),
    mostOfOutlets: () => greatest(ofOutlets()),
    async lookAtDisk() {
      const { bavail, bsize } = await statfs(data);
      diskShort = bavail * bsize < config.journal.minFreeBytes;
    },
  };
}

function greatest(all: readonly Pressure[]): Pressure {
  return all.reduce((most, each) => (each.level > most.level ? each : most));
}
