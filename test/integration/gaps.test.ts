import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { startTestClickHouse } from './servers/clickhouse.ts';
import type { Engine } from './servers/engine.ts';
import { readStream } from './servers/events.ts';
import { createCleanup, createPlant, eventually, openTables, type Plant } from './servers/plant.ts';

vi.setConfig({ testTimeout: 120_000 });

const sensors = { topic: 'plant/{device}/data', format: 'json', fields: { temp: 'number' } };

/** Restarts the broker without its sessions. */
async function forgetSessions({ broker }: Plant): Promise<void> {
  await broker.halt();
  await rm(join(broker.dir, 'mosquitto.db'));
  await broker.restart();
}

const subscribed = (engine: Engine) =>
  eventually(async () =>
    expect((await engine.readiness()).parts).toContainEqual(expect.objectContaining({ name: 'mqtt', ready: true })),
  );

test('a session that the broker has lost is reported as a gap, on NATS and in ClickHouse, and counted once', async () => {
  const cleanup = createCleanup();
  onTestFinished(() => cleanup.run());
  const clickhouse = await startTestClickHouse();
  cleanup.add(() => clickhouse.stop());
  const tables = openTables(clickhouse.url, cleanup);
  const config = { mqtt: { name: 'hall 1' } };
  const plant = await createPlant(
    { clickhouseUrl: clickhouse.url, database: 'weir', streams: { sensors }, rules: [], config },
    cleanup,
  );
  const send = async (device: string) => {
    const client = await plant.client();
    await client.publishAsync(`plant/${device}/data`, JSON.stringify({ temp: 1 }), { qos: 1 });
    await client.endAsync();
    await eventually(async () => expect(await tables.count(receivedAt(device))).toBeGreaterThan(0));
  };
  const receivedAt = (device: string) =>
    `(SELECT toUnixTimestamp64Milli(max(received)) FROM weir.sensors WHERE device = '${device}')`;
  const rows = () =>
    tables.select<{ broker: string; reason: string; from: string; to: string }>(
      'SELECT broker, reason, toUnixTimestamp64Milli(gap_from) AS from, toUnixTimestamp64Milli(gap_to) AS to FROM weir.gaps ORDER BY time',
    );
  const lost = async (engine: Engine) => (await engine.metrics()).weir_sessions_lost_total;

  const first = await plant.start();
  await subscribed(first);
  await send('a');
  const lostAfter = Date.now();
  await forgetSessions(plant);
  await eventually(async () => expect(await lost(first)).toBe(1));
  await subscribed(first);
  const lostBefore = Date.now();
  await eventually(async () => expect(await rows()).toHaveLength(1));
  await send('b');
  const [row] = await rows();
  expect(row).toMatchObject({ broker: 'hall 1', reason: 'session-lost' });
  expect(Number(row?.from)).toBe(await tables.count(receivedAt('a')));
  expect(Number(row?.to)).toBeGreaterThanOrEqual(lostAfter);
  expect(Number(row?.to)).toBeLessThanOrEqual(lostBefore);

  // The session is also lost while Weir is stopped.
  expect((await first.stop()).code).toBe(0);
  await forgetSessions(plant);
  const second = await plant.start();
  await eventually(async () => expect(await rows()).toHaveLength(2));
  expect(await lost(second)).toBe(1);
  const ranges = (await rows()).map(({ from, to }) => [from, to].map((ms) => new Date(Number(ms)).toISOString()));
  expect(Date.parse(ranges[1]![0]!)).toBe(await tables.count(receivedAt('b')));
  const events = await readStream(await plant.natsClient(), 'WEIR_GAPS');
  expect(events.map(({ subject }) => subject)).toEqual(['weir.gaps.hall~201', 'weir.gaps.hall~201']);
  expect(events.map(({ body }) => [body.data.from, body.data.to])).toEqual(ranges);
  expect(events[0]?.body).toMatchObject({ type: 'weir.gap', data: { broker: 'hall 1', reason: 'session-lost' } });
});
