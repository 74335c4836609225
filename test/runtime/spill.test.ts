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
  return { spill: createSpill<Batch>(folder), files: () => readdirSync(folder).length };
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

/** A batch that only its spillable batch references. */
function wrap(spill: Spill<Batch>) {
  const batch = batchOf(7);
  return { spillable: spill.wrap(batch, 1_000), memory: new WeakRef(batch) };
}

it('takes a batch out of memory, and brings the same one back', async () => {
  const { spill, files } = open();
  const { spillable, memory } = wrap(spill);
  expect(await spillable.spill()).toBe(true);
  expect(spill.bytes).toBeGreaterThan(1_000);
  await vi.waitFor(() => {
    collectGarbage();
    // Compared to a boolean: a failed assertion on the batch would keep it in memory.
    expect(memory.deref() === undefined).toBe(true);
  });
  const loaded = await spillable.load();
  expect(loaded).toEqual(batchOf(7));
  expect(await spillable.load()).toBe(loaded);
  await spillable.delete();
  expect([spill.bytes, files()]).toEqual([0, 0]);
});

it('keeps a batch in memory that has been loaded', async () => {
  const { spill, files } = open();
  const batch = batchOf(1);
  const spillable = spill.wrap(batch, 1_000);
  expect(await spillable.load()).toBe(batch);
  expect(await spillable.spill()).toBe(false);
  expect(files()).toBe(0);
});

it('leaves no file of a batch that was delivered while it was written to the disk', async () => {
  const { spill, files } = open();
  const spillable = spill.wrap(batchOf(2), 1_000);
  const spilling = spillable.spill();
  await spillable.delete();
  await spilling;
  expect([spill.bytes, files()]).toEqual([0, 0]);
});
