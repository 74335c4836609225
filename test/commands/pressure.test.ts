import { tmpdir } from 'node:os';
import { describe, expect, it } from 'vitest';
import { createPressureGauge } from '../../engine/commands/pressure.ts';
import { setUp } from '../pipeline/kit.ts';

/** A gauge whose limits are 100 bytes of each kind, and those of the disk. */
function gaugeOf(full: { journal?: number; tables?: number; events?: number }, disk = { minFreeBytes: 0 }) {
  const { config } = setUp([]);
  return createPressureGauge({
    config: {
      ...config,
      data: tmpdir(),
      journal: Object.assign(disk, { maxBytes: 100 }),
      clickhouse: { ...config.clickhouse, queueBytes: 100 },
      nats: { ...config.nats, outboxBytes: 100 },
    },
    journal: { bytes: full.journal ?? 0 },
    tables: { bytes: full.tables ?? 0 },
    events: { bytes: full.events ?? 0 },
  });
}

describe('the pressure', () => {
  it.each([
    [{ journal: 40, tables: 30, events: 20 }, 'the journal is full', 0.4],
    [{ journal: 40, tables: 150, events: 20 }, 'too many rows wait for ClickHouse', 1.5],
    [{ journal: 40, tables: 30, events: 100 }, 'too many events wait for NATS', 1],
  ])('of %j is the greatest of all: %s', (full, name, level) => {
    expect(gaugeOf(full).most()).toEqual({ name, level });
  });

  it.each([
    [{ journal: 900, tables: 30, events: 20 }, 'too many rows wait for ClickHouse', 0.3],
    [{ journal: 900, tables: 30, events: 120 }, 'too many events wait for NATS', 1.2],
  ])('of the ways out, of %j, leaves the journal out: %s', (full, name, level) => {
    expect(gaugeOf(full).mostOfOutlets()).toEqual({ name, level });
  });

  it('of a disk is there once it was looked at and has less room than it should, and goes when it has room again', async () => {
    const disk = { minFreeBytes: Number.MAX_SAFE_INTEGER };
    const gauge = gaugeOf({}, disk);
    expect(gauge.most().level).toBe(0);
    await gauge.lookAtDisk();
    expect(gauge.most()).toEqual({ name: 'the disk is nearly full', level: 1 });
    expect(gauge.mostOfOutlets()).toEqual(gauge.most());
    disk.minFreeBytes = 1;
    await gauge.lookAtDisk();
    expect(gauge.most().level).toBe(0);
  });
});
