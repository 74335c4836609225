import { tmpdir } from 'node:os';
import { describe, expect, it } from 'vitest';
import { createBackpressure } from '../../engine/runtime/backpressure.ts';
import { setUp } from '../pipeline/kit.ts';

/** Backpressure with limits of 100 bytes of each kind, and the given limit of the disk. */
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

/** Whether the promise resolves within a turn of the event loop. */
async function isResolved(waiting: Promise<void>): Promise<boolean> {
  let resolved = false;
  void waiting.then(() => {
    resolved = true;
  });
  await new Promise(setImmediate);
  return resolved;
}

describe('backpressure', () => {
  it.each([
    [{ journal: 40, tables: 30, events: 20 }, 'the journal is full', 0.4],
    [{ journal: 40, tables: 150, events: 20 }, 'too many rows wait for ClickHouse', 1.5],
    [{ journal: 40, tables: 30, events: 100 }, 'too many events wait for NATS', 1],
  ])('%j: the fullest part is: %s', (full, name, level) => {
    expect(measure(full).fullest()).toEqual({ name, level });
  });

  it.each([
    [{ journal: 900, tables: 30, events: 20 }, true],
    [{ journal: 900, tables: 100, events: 20 }, true],
    [{ journal: 900, tables: 30, events: 120 }, false],
    [{ journal: 10, tables: 101, events: 20 }, false],
  ])('a replay of the journal waits for the queues only, not for the journal: %j', async (full, resolved) => {
    expect(await isResolved(measure(full).queuesHaveRoom())).toBe(resolved);
  });

  it('a replay continues once a queue has become shorter, or when the engine stops', async () => {
    const full = { tables: 150 };
    const backpressure = measure(full);
    const waiting = backpressure.queuesHaveRoom();
    backpressure.update();
    expect(await isResolved(waiting)).toBe(false);
    full.tables = 50;
    backpressure.update();
    expect(await isResolved(waiting)).toBe(true);
    full.tables = 150;
    const another = backpressure.queuesHaveRoom();
    backpressure.release();
    expect(await isResolved(another)).toBe(true);
  });

  it('is at its limit once the disk was measured with too little free space, and no longer after that space is free again', async () => {
    const disk = { minFreeBytes: Number.MAX_SAFE_INTEGER };
    const backpressure = measure({}, disk);
    expect(backpressure.fullest().level).toBe(0);
    await backpressure.measureDisk();
    expect(backpressure.fullest()).toEqual({ name: 'the disk is nearly full', level: 1 });
    disk.minFreeBytes = 1;
    await backpressure.measureDisk();
    expect(backpressure.fullest().level).toBe(0);
  });
});
