import { readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { MAX_PART_BYTES } from '../../../engine/journal/checkpoint/format.ts';
import { openCheckpoints } from '../../../engine/journal/checkpoint/open.ts';
import { makeFolder } from '../folder.ts';
import { type DiskCall, failingDisk } from './failing-disk.ts';
import { contentOf, expectedOf, headOf, read, writeSection } from './sections.ts';

/** A store whose disk refuses calls of a kind while `refused` names one. */
async function openOn(folder: string) {
  const state: { refused: DiskCall | undefined; how: 'fail' | 'tear'; path: RegExp } = {
    refused: undefined,
    how: 'tear',
    path: /./,
  };
  const disk = failingDisk(
    (call, path) => (call === state.refused && state.path.test(path) ? state.how : 'go'),
    'ENOSPC',
  );
  return { ...(await openCheckpoints(folder, undefined, disk)), state };
}

describe('a disk that is full', () => {
  it.each([
    ['a full section', true],
    ['a section of changes', false],
  ])('during flush of %s rejects it and the commit, and the next section is written', async (_, full) => {
    const folder = makeFolder();
    const { store, state } = await openOn(folder);
    await writeSection(store, true, 1, [[1, 'one']]);
    await writeSection(store, false, 2, [[2, 'two']]);
    store.begin(full);
    store.add(3, Buffer.from('three'));
    state.refused = 'write';
    await expect(store.flush()).rejects.toThrow('ENOSPC');
    state.refused = undefined;
    store.add(4, Buffer.from('four'));
    await expect(store.flush()).rejects.toThrow('ENOSPC');
    await expect(store.commit(headOf(3))).rejects.toThrow('ENOSPC');
    expect([store.previous, store.newest]).toEqual([1, 2]);
    expect(contentOf((await read(folder)).checkpoint)).toEqual(expectedOf([[[1, 'one']], [[2, 'two']]]));
    await writeSection(store, full, 4, [[5, 'five']]);
    expect([store.previous, store.newest]).toEqual([2, 4]);
    const parts = full ? ['five'] : ['five', 'one', 'two'];
    expect(contentOf((await read(folder)).checkpoint)).toMatchObject({ nextOffset: 4, parts });
    await store.close();
  });

  it.each(['write', 'sync', 'open', 'truncate'] as const)('at %s of a commit loses nothing', async (refused) => {
    for (const full of [true, false]) {
      for (const path of [/-a\.bin$/, /-b\.bin$/]) {
        const folder = makeFolder();
        const { store, state } = await openOn(folder);
        await writeSection(store, true, 1, [[1, 'one']]);
        Object.assign(state, { refused, path });
        const isReached = refused === 'open' ? full : refused === 'truncate' ? !full : true;
        const written = writeSection(store, full, 2, [[2, 'two']]);
        if (isReached) await expect(written).rejects.toThrow('ENOSPC');
        else await written;
        state.refused = undefined;
        await writeSection(store, full, 3, [
          [3, 'three'],
          [2, undefined],
        ]);
        const { checkpoint, unreadable, repaired } = await read(folder);
        expect([unreadable, repaired]).toEqual([[], []]);
        expect(contentOf(checkpoint)).toMatchObject({ nextOffset: 3, parts: full ? ['three'] : ['one', 'three'] });
        await store.close();
        // The files of a failed full section do not stay.
        expect(readdirSync(folder).filter((name) => name.endsWith('.bin'))).toHaveLength(full ? 4 : 2);
      }
    }
  });

  it('at a sync in the middle of a large section loses nothing', async () => {
    const folder = makeFolder();
    const { store, state } = await openOn(folder);
    await writeSection(store, true, 1, [[1, 'one']]);
    state.refused = 'datasync';
    store.begin(true);
    store.add(1, Buffer.alloc(5_000_000));
    await expect(store.flush()).rejects.toThrow('ENOSPC');
    state.refused = undefined;
    await writeSection(store, false, 2, [[2, 'two']]);
    expect(contentOf((await read(folder)).checkpoint)).toMatchObject({ nextOffset: 2, parts: ['one', 'two'] });
    await store.close();
  });

  it('at the commit of a full section: its files are deleted before anything else is written', async () => {
    const folder = makeFolder();
    const { store, state } = await openOn(folder);
    await writeSection(store, true, 1, [[1, 'one']]);
    state.refused = 'sync';
    await expect(writeSection(store, true, 2, [[2, 'two']])).rejects.toThrow('ENOSPC');
    // They have a commit record: after the next section of changes they would count as newer than it.
    state.refused = 'unlink';
    await expect(writeSection(store, false, 3, [[3, 'three']])).rejects.toThrow('ENOSPC');
    expect(store.newest).toBe(1);
    state.refused = undefined;
    store.begin(false);
    store.add(3, Buffer.from('three'));
    await store.flush();
    expect(contentOf((await read(folder)).checkpoint)).toEqual(expectedOf([[[1, 'one']]]));
    await store.commit(headOf(4));
    expect(contentOf((await read(folder)).checkpoint)).toMatchObject({ nextOffset: 4, parts: ['one', 'three'] });
    await store.close();
  });

  it('does not keep what is added after a failure in memory', async () => {
    const { store, state } = await openOn(makeFolder());
    store.begin(true);
    store.add(0, Buffer.from('zero'));
    state.refused = 'write';
    await expect(store.flush()).rejects.toThrow('ENOSPC');
    const before = process.memoryUsage().arrayBuffers;
    const content = Buffer.alloc(1024 * 1024);
    for (let part = 1; part <= 100; part++) store.add(part, content);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(50 * 1024 * 1024);
    state.refused = undefined;
    await store.close();
  });
});

describe('files that cannot be deleted', () => {
  it('make a commit reject, but its section counts; the next commit deletes them', async () => {
    const folder = makeFolder();
    const { store, state } = await openOn(folder);
    await writeSection(store, true, 1, [[1, 'one']]);
    await writeSection(store, true, 2, [[1, 'two']]);
    state.refused = 'unlink';
    await expect(writeSection(store, false, 3, [[2, 'three']])).rejects.toThrow('ENOSPC');
    expect([store.previous, store.newest]).toEqual([2, 3]);
    expect(contentOf((await read(folder)).checkpoint)).toMatchObject({ nextOffset: 3, parts: ['three', 'two'] });
    state.refused = undefined;
    await writeSection(store, false, 4, []);
    expect(contentOf((await read(folder)).checkpoint)).toMatchObject({ nextOffset: 4, parts: ['three', 'two'] });
    expect(readdirSync(folder).filter((name) => name.endsWith('.bin'))).toHaveLength(2);
    await store.close();
  });
});

describe('a store', () => {
  it('refuses what a reader could not use', async () => {
    const { store } = await openOn(makeFolder());
    expect(() => store.begin(false)).toThrow('the first section of a run must be full');
    expect(() => store.add(1, undefined)).toThrow('no section was begun');
    store.begin(true);
    store.add(1, Buffer.from('one'));
    expect(() => store.add(1, undefined)).toThrow('part 1 was added to this section before');
    for (const part of [-1, 0.5, 2 ** 32, Number.NaN]) {
      expect(() => store.add(part, undefined)).toThrow(RangeError);
    }
    expect(() => store.add(2, { length: MAX_PART_BYTES + 1 } as Uint8Array)).toThrow(/at most 268435456/);
    await store.close();
  });

  it('measures the last full section, and the changes after it', async () => {
    const { store } = await openOn(makeFolder());
    expect([store.fullBytes, store.changedBytes]).toEqual([0, 0]);
    const large = 'x'.repeat(10_000);
    await writeSection(store, true, 1, [[1, large]]);
    expect([store.fullBytes, store.changedBytes]).toEqual([expect.closeTo(10_000, -4), 0]);
    const { fullBytes } = store;
    await writeSection(store, false, 2, [[1, large]]);
    await writeSection(store, false, 3, [[1, large]]);
    expect(store.fullBytes).toBe(fullBytes);
    expect(store.changedBytes).toBeGreaterThan(20_000);
    await writeSection(store, true, 4, []);
    expect([store.fullBytes < 4097, store.changedBytes]).toEqual([true, 0]);
    await store.close();
  });

  it('begins the next section while a commit is under way', async () => {
    const folder = makeFolder();
    const { store } = await openOn(folder);
    await writeSection(store, true, 1, [[1, 'one']]);
    store.begin(false);
    store.add(2, Buffer.from('two'));
    const committed = store.commit(headOf(2));
    store.begin(false);
    store.add(3, Buffer.from('three'));
    await Promise.all([store.flush(), committed]);
    expect(contentOf((await read(folder)).checkpoint)).toMatchObject({ nextOffset: 2, parts: ['one', 'two'] });
    await store.commit(headOf(3));
    expect(contentOf((await read(folder)).checkpoint)).toMatchObject({ nextOffset: 3, parts: ['one', 'three', 'two'] });
    await store.close();
  });
});
