import { tmpdir } from 'node:os';
import { describe, expect, it } from 'vitest';
import { createBackpressure } from '../../engine/runtime/backpressure.ts';
import { setUp } from '../pipeline/kit.ts';

/** Backpressure whose limits are 100 bytes of each kind, and those of the disk. */
function measure(full: { journal?: number; tables?: number; events?: number }, disk = { minFreeBytes: 0 }) {
  const { config } = setUp([]);
  const live = (name: keyof typeof full) => ({
    get bytes() {
      return full[name] ?? 0;
    },
  });
  return createBackpressure({
    config: {
      ...config,
      data: tmpdir(),
      journal: Object.assign(disk, { maxBytes: 100 }),
      clickhouse: { ...config.clickhouse, queueBytes: 100 },
      nats: { ...config.nats, outboxBytes: 100 },
    },
    journal: live('journal'),
    tables: live('tables'),
    events: live('events'),
  });
}

/** Whether somebody who waits for room is let go on within the turn of the event loop. */
async function isLetGoOn(waiting: Promise<void>): Promise<boolean> {
  let goesOn = false;
  void waiting.then(() => {
    goesOn = true;
  });
  await new Promise(setImmediate);
  return goesOn;
}

describe('backpressure', () => {
  it.each([
    [{ journal: 40, tables: 30, events: 20 }, 'the journal is full', 0.4],
    [{ journal: 40, tables: 150, events: 20 }, 'too many rows wait for ClickHouse', 1.5],
    [{ journal: 40, tables: 30, events: 100 }, 'too many events wait for NATS', 1],
  ])('of %j is that of the fullest part: %s', (full, name, level) => {
    expect(measure(full).most()).toEqual({ name, level });
  });

  it.each([
    [{ journal: 900, tables: 30, events: 20 }, true],
    [{ journal: 900, tables: 100, events: 20 }, true],
    [{ journal: 900, tables: 30, events: 120 }, false],
    [{ journal: 10, tables: 101, events: 20 }, false],
  ])('lets a replay of the journal go on by the queues alone, whatever the journal has: %j', async (full, goesOn) => {
    expect(await isLetGoOn(measure(full).queuesHaveRoom())).toBe(goesOn);
  });

  it('lets it go on once a queue has become shorter, not before, and when the engine stops', async () => {
    const full = { tables: 150 };
    const backpressure = measure(full);
    const waiting = backpressure.queuesHaveRoom();
    backpressure.update();
    expect(await isLetGoOn(waiting)).toBe(false);
    full.tables = 50;
    backpressure.update();
    expect(await isLetGoOn(waiting)).toBe(true);
    full.tables = 150;
    const another = backpressure.queuesHaveRoom();
    backpressure.release();
    expect(await isLetGoOn(another)).toBe(true);
  });

  it('of a disk is there once it was measured and has less room than it should, and goes when it has room again', async () => {
    const disk = { minFreeBytes: Number.MAX_SAFE_INTEGER };
    const backpressure = measure({}, disk);
    expect(backpressure.most().level).toBe(0);
    await backpressure.measureDisk();
    expect(backpressure.most()).toEqual({ name: 'the disk is nearly full', level: 1 });
    disk.minFreeBytes = 1;
    await backpressure.measureDisk();
    expect(backpressure.most().level).toBe(0);
  });
});
