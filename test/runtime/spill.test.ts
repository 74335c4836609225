import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, it, onTestFinished, vi } from 'vitest';
import type { Batch } from '../../engine/model/output.ts';
import { createSpill, type Spill } from '../../engine/runtime/spill.ts';

setFlagsFromString('--expose-gc');
const collectGarbage: () => void = runInNewContext('gc');

function open() {
  const folder = mkdtempSync(join(tmpdir(), 'weir-spill-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return { spill: createSpill(folder), files: () => readdirSync(folder).length };
}

function batchOf(fill: number): Batch {
  return {
    kind: 'batch',
    table: 'sensors',
    fromOffset: 1,
    toOffset: 2,
    rows: 2,
    bytes: Buffer.alloc(1_000, fill),
    rowEnds: Uint32Array.of(500, 1_000),
    rowOffsets: Float64Array.of(1, 2),
  };
}

/** What only the parcel refers to. */
function pack(spill: Spill) {
  const batch = batchOf(7);
  return { parcel: spill.pack(batch), memory: new WeakRef(batch) };
}

it('takes a batch out of memory, and brings the same one back', async () => {
  const { spill, files } = open();
  const { parcel, memory } = pack(spill);
  expect(await parcel.spill()).toBe(true);
  expect(spill.bytes).toBeGreaterThan(1_000);
  await vi.waitFor(() => {
    collectGarbage();
    // Compared here: a failed assertion would keep what it was about.
    expect(memory.deref() === undefined).toBe(true);
  });
  const taken = await parcel.take();
  expect(taken).toEqual(batchOf(7));
  expect(await parcel.take()).toBe(taken);
  await parcel.drop();
  expect([spill.bytes, files()]).toEqual([0, 0]);
});

it('leaves a batch in memory that has been taken', async () => {
  const { spill, files } = open();
  const batch = batchOf(1);
  const parcel = spill.pack(batch);
  expect(await parcel.take()).toBe(batch);
  expect(await parcel.spill()).toBe(false);
  expect(files()).toBe(0);
});

it('leaves nothing behind of a batch that was delivered while it went to the disk', async () => {
  const { spill, files } = open();
  const parcel = spill.pack(batchOf(2));
  const spilling = parcel.spill();
  await parcel.drop();
  await spilling;
  expect([spill.bytes, files()]).toEqual([0, 0]);
});
