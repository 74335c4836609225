import { expect, it, vi } from 'vitest';
import { failingDisk } from '../journal/checkpoint/failing-disk.ts';
import { read as readCheckpoint } from '../journal/checkpoint/sections.ts';
import { open as openJournal, readAll } from '../journal/folder.ts';
import { makeFolder, reading, start } from './run-service.ts';

it('passes events to their sink before the rows of the same records', async () => {
  const { handler, delivered } = await start();
  const devices = ['d1', 'd2', 'd3', 'd4'];
  handler.messages(
    0,
    devices.map((device) => reading(device, 60)),
    () => undefined,
  );
  await vi.waitFor(() => expect(delivered.filter((each) => each === 'rows of sensors')).toHaveLength(4));
  const firstRows = delivered.findIndex((each) => each.startsWith('rows of'));
  expect(delivered.slice(0, firstRows).filter((each) => each.startsWith('weir.alerts.'))).toEqual(
    devices.map((device) => `weir.alerts.warning.hot.${device}`),
  );
});

it('keeps the checkpoint and its journal if the disk does not take the next one', async () => {
  const data = await makeFolder();
  const send = async ({ handler, delivered }: Awaited<ReturnType<typeof start>>, device: string) => {
    const before = delivered.length;
    handler.messages(0, [reading(device, 60)], () => undefined);
    await vi.waitFor(() => expect(delivered.length).toBeGreaterThan(before));
  };
  const stored = async () => (await readCheckpoint(data)).checkpoint!;
  const first = await start({}, data);
  await send(first, 'd1');
  await first.stop();
  const { nextOffset } = await stored();

  const disk = failingDisk(
    (call, path) => (call === 'write' && path.includes('checkpoint-') ? 'tear' : 'go'),
    'ENOSPC',
  );
  const second = await start({ disk }, data);
  await send(second, 'd2');
  await second.stop();
  expect(second.counters.checkpoints_failed).toBe(1);
  expect((await stored()).nextOffset).toBe(nextOffset);

  const third = await start({}, data);
  expect(third.service.gauges().devices).toBe(2);
  await third.stop();
  expect(third.counters).toMatchObject({ checkpoints_failed: 0, checkpoints_unreadable: 0, journal_records_lost: 0 });
  expect((await stored()).nextOffset).toBeGreaterThan(nextOffset);
  expect(Array.from((await stored()).pieces(), String).join()).toMatch(/d1.*d2|d2.*d1/);
});

it('appends a mark for a step of the machine clock before the records with the new time', async () => {
  const data = await makeFolder();
  const host = { offMs: 0 };
  const clock = { now: () => Date.now() + host.offMs, steady: () => performance.now() };
  const { handler, delivered, counters, stop } = await start({ clock }, data);
  const send = async (device: string) => {
    handler.messages(0, [reading(device, 60)], () => undefined);
    await vi.waitFor(() => expect(delivered.join()).toContain(device));
  };
  await send('d1');
  host.offMs = 3_600_000;
  await send('d2');
  host.offMs = 0;
  await send('d3');
  await stop();
  expect(counters.clock_steps).toBe(2);
  const journal = await openJournal(data);
  const records = await readAll(journal);
  await journal.close();
  const entries = records.flatMap((record): unknown[] => {
    if (record.kind === 'message') return [record.topic.split('/')[2]];
    return record.kind === 'mark' && record.mark === 'clock-stepped' ? [record] : [];
  });
  expect(entries).toMatchObject(['d1', { steppedMs: expect.any(Number) }, 'd2', { aheadMs: expect.any(Number) }, 'd3']);
  const [, forward, , back] = entries as { steppedMs?: number; aheadMs?: number }[];
  for (const ms of [forward!.steppedMs!, back!.aheadMs!]) expect(Math.abs(ms - 3_600_000)).toBeLessThan(60_000);
  const times = records.map(({ at }) => at);
  expect(times).toEqual(times.toSorted((a, b) => a - b));
});

it('opens the event sink with its positions at the time of the checkpoint', async () => {
  const data = await makeFolder();
  const opened: unknown[] = [];
  const positions = { WEIR_ALERTS: { created: 'then', sequence: 3 } };
  const eventSink = {
    status: () => ({ name: 'nats', ready: true }),
    close: async () => undefined,
    open: async (_: unknown, after: unknown) => void opened.push(after),
    publish: async () => undefined,
    positions: () => positions,
  };
  await (await start({ eventSink }, data)).stop();
  await (await start({ eventSink }, data)).stop();
  await vi.waitFor(() => expect(opened).toEqual([undefined, positions]));
});
