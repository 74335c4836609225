import { expect, it } from 'vitest';
import { openCheckpoints } from '../../../engine/journal/checkpoint/open.ts';
import { makeFolder } from '../folder.ts';
import { headOf, read } from './sections.ts';

const MEBIBYTE = 1024 * 1024;
const PARTS = 10_000;
const PART_BYTES = 10_000;

it('writes and reads 100 MB in a few megabytes of memory', { timeout: 120_000 }, async () => {
  const folder = makeFolder();
  const before = process.memoryUsage().arrayBuffers;
  let peak = 0;
  const measure = () => (peak = Math.max(peak, process.memoryUsage().arrayBuffers - before));
  const content = Buffer.alloc(PART_BYTES);

  const { store } = await openCheckpoints(folder);
  for (const [full, step] of [
    [true, 1],
    [false, 3],
  ] as const) {
    store.begin(full);
    for (let part = 0; part < PARTS; part += step) {
      content.writeUInt32LE(part * step);
      store.add(part, content);
      if (part % 100 > step) continue;
      measure();
      await store.flush();
    }
    await store.commit(headOf(step));
  }
  await store.close();
  expect(peak).toBeLessThan(10 * MEBIBYTE);

  peak = 0;
  let pieces = 0;
  let sum = 0;
  for (const piece of (await read(folder)).checkpoint!.pieces()) {
    if (piece.length === PART_BYTES) sum += piece.readUInt32LE();
    if (pieces++ % 1000 === 0) measure();
  }
  let expected = 0;
  for (let part = 0; part < PARTS; part++) expected += part % 3 === 0 ? part * 3 : part;
  expect([pieces - 2, sum]).toEqual([PARTS, expected]);
  expect(peak).toBeLessThan(10 * MEBIBYTE);
});
