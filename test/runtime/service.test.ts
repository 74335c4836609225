import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it, vi } from 'vitest';
import { makeFolder, reading, start } from './run-service.ts';

it('hands events to their sink ahead of the rows that the same records make', async () => {
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

it('keeps the checkpoint that can be read where the next one could not be, and the journal with it', async () => {
  const data = await makeFolder();
  const send = async ({ handler, delivered }: Awaited<ReturnType<typeof start>>, device: string) => {
    const before = delivered.length;
    handler.messages(0, [reading(device, 60)], () => undefined);
    await vi.waitFor(() => expect(delivered.length).toBeGreaterThan(before));
  };
  const file = join(data, 'checkpoint.jsonl');
  const first = await start({}, data);
  await send(first, 'd1');
  await first.stop();
  const checkpoint = await readFile(file, 'utf8');
  expect(checkpoint).toContain('"d1"');

  const second = await start({ maxLineBytes: 100 }, data);
  await send(second, 'd2');
  await second.stop();
  expect(second.counters.checkpoints_failed).toBe(1);
  expect(await readFile(file, 'utf8')).toBe(checkpoint);

  const third = await start({}, data);
  await third.stop();
  expect(third.counters.checkpoints_failed).toBe(0);
  expect(await readFile(file, 'utf8')).toContain('"d2"');
});
