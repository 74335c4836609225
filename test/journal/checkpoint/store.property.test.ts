import { createHash } from 'node:crypto';
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { openCheckpoints } from '../../../engine/journal/checkpoint/open.ts';
import { makeFolder } from '../folder.ts';
import { headOf, read } from './sections.ts';

/** A change of a part: the size of its new content, undefined if it was removed. */
interface Change {
  readonly part: number;
  readonly size: number | undefined;
}

type Step =
  | { readonly kind: 'restart' }
  | { readonly kind: 'section'; readonly full: boolean; readonly drop: boolean; readonly changes: readonly Change[] };

const change: fc.Arbitrary<Change> = fc.record({
  part: fc.oneof({ weight: 5, arbitrary: fc.nat(12) }, fc.constantFrom(65_535, 65_536, 2 ** 31, 2 ** 32 - 1)),
  size: fc.oneof({ weight: 6, arbitrary: fc.nat(40) }, fc.constantFrom(undefined, 0, 262_144, 600_000, 1_300_000)),
});
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 1, arbitrary: fc.constant({ kind: 'restart' } as const) },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('section' as const),
      full: fc.oneof({ weight: 1, arbitrary: fc.constant(true) }, { weight: 3, arbitrary: fc.constant(false) }),
      drop: fc.oneof({ weight: 1, arbitrary: fc.constant(true) }, { weight: 3, arbitrary: fc.constant(false) }),
      changes: fc.uniqueArray(change, { maxLength: 12, selector: ({ part }) => part }),
    }),
  },
);

const digest = (content: Uint8Array) => `${content.length} ${createHash('sha1').update(content).digest('hex')}`;

it('gives back the newest content of each part, whatever was written before', { timeout: 120_000 }, async () => {
  const folder = makeFolder();
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 14 }), async (steps) => {
      for (const name of readdirSync(folder)) rmSync(join(folder, name));
      await follow(folder, steps);
    }),
    { numRuns: 60 },
  );
});

async function follow(folder: string, steps: readonly Step[]): Promise<void> {
  let { store } = await openCheckpoints(folder);
  let model = new Map<number, Buffer>();
  let isFirst = true;
  let offset = 0;
  let before: number | undefined;
  for (const each of steps) {
    if (each.kind === 'restart') {
      await store.close();
      ({ store } = await openCheckpoints(folder));
      isFirst = true;
      continue;
    }
    const full = each.full || isFirst;
    const next = new Map(model);
    const changes = new Map<number, Buffer | undefined>(full ? model : []);
    for (const { part, size } of each.changes)
      changes.set(part, size === undefined ? undefined : contentFor(part, size, ++offset));
    store.begin(full);
    for (const [part, content] of changes) {
      store.add(part, content);
      if (content === undefined) next.delete(part);
      else next.set(part, content);
      if (part % 3 === 0) await store.flush();
    }
    if (each.drop) continue;
    before = store.newest;
    await store.commit(headOf(++offset));
    [model, isFirst] = [next, false];
    expect([store.previous, store.newest]).toEqual([before, offset]);
    const { checkpoint, unreadable, repaired } = await read(folder);
    expect([unreadable, repaired]).toEqual([[], []]);
    expect(checkpoint).toMatchObject({ nextOffset: offset, events: headOf(offset).events });
    const [head, empty, ...parts] = Array.from(checkpoint!.pieces(), digest);
    expect([head, empty]).toEqual(headOf(offset).heads.map(digest));
    expect(parts.sort()).toEqual(Array.from(model.values(), digest).sort());
    expect(readdirSync(folder).filter((name) => name.endsWith('.bin')).length).toBeLessThanOrEqual(4);
  }
  await store.close();
}

function contentFor(part: number, size: number, seed: number): Buffer {
  return Buffer.concat([Buffer.from(size === 0 ? '' : `${part} `), Buffer.alloc(size, seed)]);
}
