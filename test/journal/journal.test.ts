import {
  copyFileSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { JournalLoss } from '../../engine/journal/read-journal.ts';
import type { JournalRecord, NewRecord } from '../../engine/model/record.ts';
import { createCounters } from '../../engine/telemetry.ts';
import { append, makeFolder, message, open, readAll, tick } from './folder.ts';
import { readable, records } from './records.ts';

function segments(folder: string): string[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith('.wal'))
    .sort();
}

/** Writes a journal of one segment with these payloads. Returns also the ends of its records in the file. */
async function makeJournal(
  payloads: readonly (string | Uint8Array)[],
): Promise<{ folder: string; path: string; ends: number[] }> {
  const folder = makeFolder();
  const journal = await open(folder);
  const ends: number[] = [];
  for (const payload of payloads) {
    await append(journal, [message(payload)]);
    ends.push(journal.bytes);
  }
  await journal.close();
  return { folder, path: join(folder, segments(folder)[0]!), ends };
}

const payloadsOf = (records: readonly JournalRecord[]) =>
  records.map((record) => (record.kind === 'message' ? Buffer.from(record.payload).toString() : record.kind));

/** The journal uses the memory of a payload again. */
const copied = (record: JournalRecord): JournalRecord =>
  record.kind === 'message' ? { ...record, payload: Buffer.from(record.payload) } : record;

describe('finding one record', () => {
  it('gives the record with exactly this offset, also while others are appended, and none if it is lost', async () => {
    const losses: JournalLoss[] = [];
    const folder = makeFolder();
    const journal = await open(folder, { segmentBytes: 200, onLoss: (loss) => losses.push(loss) });
    const found = async (offset: number) => {
      const record = await journal.find(offset);
      return record && [record.offset, ...payloadsOf([record])];
    };
    for (let i = 0; i < 20; i++) await append(journal, [message(`m${i}`)]);
    const appending = append(journal, [message('m20')]);
    expect(await Promise.all([0, 7, 19].map(found))).toEqual([
      [0, 'm0'],
      [7, 'm7'],
      [19, 'm19'],
    ]);
    await appending;
    expect(await found(20)).toEqual([20, 'm20']);
    expect(await found(21)).toBeUndefined();
    expect(await found(-1)).toBeUndefined();
    await journal.release(15);
    expect(await found(3)).toBeUndefined();
    expect(await found(19)).toEqual([19, 'm19']);
    const gone = segments(folder)[0]!;
    rmSync(join(folder, gone));
    const offset = Number(/\d+/.exec(gone)![0]);
    expect(await found(offset)).toBeUndefined();
    await journal.close();
    expect(losses).toEqual([]);
  });

  it('gives no other record in place of a damaged one', async () => {
    const { folder, path, ends } = await makeJournal(['a', 'b', 'c']);
    const bytes = readFileSync(path);
    bytes[ends[0]! + 12]! ^= 0xff;
    writeFileSync(path, bytes);
    const journal = await open(folder);
    expect(await journal.find(1)).toBeUndefined();
    expect(payloadsOf([(await journal.find(2))!])).toEqual(['c']);
    await journal.close();
  });
});

describe('reading while others append', () => {
  it.each([200, 100_000])(
    'gives only records that were durable when it began, in segments of %i bytes',
    async (segmentBytes) => {
      const journal = await open(makeFolder(), { segmentBytes });
      let durable = 0;
      let appending = true;
      // Longer than a page of a file, so that a read could see half of a record.
      const more = () =>
        journal.append([message('x'.repeat(5_000)), tick(1)], () => {
          durable += 2;
          if (appending) more();
        });
      more();
      while (durable < 200) {
        const end = durable;
        const from = Math.max(0, end - 20);
        const found = (await readAll(journal, from)).map(({ offset }) => offset);
        expect(found).toEqual(Array.from({ length: end - from }, (_, i) => from + i));
        await new Promise((resolve) => setImmediate(resolve));
      }
      appending = false;
      await journal.close();
    },
  );
});

describe('a journal', () => {
  it('reads back the appended records, from any offset on, also after it was opened again', async () => {
    await fc.assert(
      fc.asyncProperty(
        records,
        fc.array(fc.nat(6), { maxLength: 8 }),
        fc.integer({ min: 33, max: 400 }),
        async (records, groups, segmentBytes) => {
          const folder = makeFolder();
          let journal = await open(folder, { segmentBytes });
          const { id } = journal;
          let from = 0;
          for (const size of [...groups, records.length]) {
            const part = records.slice(from, from + size);
            if (part.length > 0)
              await append(
                journal,
                part.map(({ offset: _offset, ...record }) => record as NewRecord),
              );
            from += part.length;
          }
          expect(readable(await readAll(journal))).toEqual(readable(records));
          await journal.close();
          journal = await open(folder);
          expect([journal.id, journal.nextOffset, journal.tornBytes]).toEqual([id, records.length, 0]);
          const middle = records.length >> 1;
          expect(readable(await readAll(journal, middle))).toEqual(readable(records.slice(middle)));
          await journal.close();
          rmSync(folder, { recursive: true });
        },
      ),
      { numRuns: 40 },
    );
  });

  it('passes to the fold what recovery reads, in which way messages and other records are appended', async () => {
    await fc.assert(
      fc.asyncProperty(records, fc.array(fc.boolean()), async (records, ways) => {
        const folder = makeFolder();
        const journal = await open(folder);
        const folded: JournalRecord[] = [];
        journal.commitTo((records) => folded.push(...records.map(copied)));
        records.forEach(({ offset: _offset, ...record }, i) => {
          if (record.kind !== 'message' || ('redriven' in record && record.redriven) || ways[i])
            journal.append([record as NewRecord]);
          else journal.appendMessages(record.at, record.connection, [record, record], () => undefined);
        });
        // UTF-8 does not have the half of a pair.
        journal.append([{ ...message('x'), topic: 'a\ud800b' } as NewRecord]);
        await journal.close();
        const again = await open(folder);
        expect(readable(folded)).toEqual(readable(await readAll(again)));
        expect(folded.at(-1)).toMatchObject({ topic: 'a\ufffdb' });
        await again.close();
      }),
      { numRuns: 40 },
    );
  });

  it('commits groups in order: first durable, then acknowledged, then folded', async () => {
    const folder = makeFolder();
    const seen: string[] = [];
    const onDisk = () => readFileSync(join(folder, segments(folder)[0]!), 'latin1');
    const journal = await open(folder);
    journal.commitTo((records) => {
      for (const payload of payloadsOf(records)) {
        expect(onDisk()).toContain(payload);
        seen.push(payload);
      }
    });
    const acknowledged: Promise<void>[] = [];
    const write = (payload: string) => {
      const done = new Promise<void>((resolve) => {
        journal.append([message(payload)], () => {
          expect(onDisk()).toContain(payload);
          seen.push(`ack ${payload}`);
          resolve();
        });
      });
      acknowledged.push(done);
    };
    write('one');
    write('two');
    await acknowledged[0];
    write('three');
    write('four');
    expect(journal.nextOffset).toBe(4);
    await Promise.all(acknowledged);
    await journal.close();
    expect(seen).toEqual(['ack one', 'ack two', 'one', 'two', 'ack three', 'ack four', 'three', 'four']);
  });

  it('acknowledges and commits nothing after the disk failed, and reports it once', async () => {
    const folder = makeFolder();
    const calls: string[] = [];
    const failed = new Promise<Error>((resolve) => {
      const onFailure = (error: Error) => {
        calls.push('failure');
        resolve(error);
      };
      void open(folder, { onFailure }).then((journal) => {
        journal.commitTo(() => calls.push('commit'));
        rmSync(folder, { recursive: true });
        journal.append([message('lost')], () => calls.push('ack'));
        journal.append([message('lost too')], () => calls.push('ack'));
      });
    });
    expect((await failed).message).toContain('ENOENT');
    expect(calls).toEqual(['failure']);
  });

  it('syncs a whole group at once, and counts bytes and syncs', async () => {
    const folder = makeFolder();
    const counters = createCounters();
    const journal = await open(folder, { counters });
    const first = append(
      journal,
      Array.from({ length: 500 }, (_, i) => tick(i)),
    );
    await Promise.all([first, append(journal, [tick(500)])]);
    expect(counters.journal_syncs).toBe(1);
    expect(counters.journal_bytes).toBe(501 * 25);
    expect(journal.bytes).toBe(32 + 501 * 25);
    expect(statSync(join(folder, segments(folder)[0]!)).size).toBe(journal.bytes);
    await journal.close();
  });

  it('commits all appended records before it closes', async () => {
    const folder = makeFolder();
    const journal = await open(folder, { commitEveryMs: 60_000 });
    await append(journal, [message('first')]);
    journal.append([message('last words')]);
    await journal.close();
    expect(payloadsOf(await readAll(await open(folder)))).toEqual(['first', 'last words']);
  });

  it('commits at once what arrives after a quiet time, and together what arrives soon after a commit', async () => {
    const folder = makeFolder();
    const counters = createCounters();
    const journal = await open(folder, { counters, commitEveryMs: 60_000 });
    // It would wait for a minute, longer than the deadline of this test.
    await append(journal, [tick(0)]);
    let isDurable = false;
    journal.append([tick(1)], () => {
      isDurable = true;
    });
    // The disk is idle, and could have written many groups.
    await Promise.all(Array.from({ length: 100 }, () => stat(folder)));
    expect(isDurable).toBe(false);
    journal.append([tick(2)]);
    await journal.close();
    expect(isDurable).toBe(true);
    expect(counters.journal_syncs).toBe(2);
  });

  it('begins a new segment when one is large enough, and deletes released segments', async () => {
    const folder = makeFolder();
    const journal = await open(folder, { segmentBytes: 80 });
    for (let i = 0; i < 9; i++) await append(journal, [tick(i)]);
    // 32 bytes of header and 25 for each record: two fill a segment.
    expect(segments(folder).map((name) => Number(name.slice(8, 24)))).toEqual([0, 2, 4, 6, 8]);
    await journal.release(3);
    expect(segments(folder)).toHaveLength(4);
    await journal.release(4);
    expect(segments(folder)).toHaveLength(3);
    expect((await readAll(journal, 5)).map(({ offset }) => offset)).toEqual([5, 6, 7, 8]);
    await journal.release(1_000);
    expect(segments(folder).map((name) => Number(name.slice(8, 24)))).toEqual([8]);
    await append(journal, [tick(9)]);
    await journal.close();
    const again = await open(folder);
    expect([again.nextOffset, (await readAll(again)).length]).toEqual([10, 2]);
    await again.close();
  });

  it('reads records that are larger than the read buffer, and those around them', async () => {
    const large = Buffer.alloc(5_000_000, 'y');
    const { folder } = await makeJournal(['a', large, 'b', large.subarray(0, 1_100_000), 'c']);
    const journal = await open(folder);
    const read = await readAll(journal);
    expect(read.map((record) => (record.kind === 'message' ? record.payload.length : -1))).toEqual([
      1, 5_000_000, 1, 1_100_000, 1,
    ]);
    await journal.close();
  });
});

describe('a crash in the middle of a write', () => {
  it('loses only the record that was being written, wherever it stopped, and the journal continues', async () => {
    const { folder, path, ends } = await makeJournal(['first', 'second', 'third, with some more to say']);
    const whole = readFileSync(path);
    for (let length = ends[1]!; length <= ends[2]!; length++) {
      const copy = makeFolder();
      const torn = join(copy, basename(path));
      copyFileSync(path, torn);
      truncateSync(torn, length);
      const journal = await open(copy);
      const survives = length === ends[2];
      expect(journal.tornBytes).toBe(survives ? 0 : length - ends[1]!);
      expect(journal.nextOffset).toBe(survives ? 3 : 2);
      await append(journal, [message('afterwards')]);
      const expected = ['first', 'second', ...(survives ? ['third, with some more to say'] : []), 'afterwards'];
      expect(payloadsOf(await readAll(journal))).toEqual(expected);
      await journal.close();
      const again = await open(copy);
      expect(payloadsOf(await readAll(again))).toEqual(expected);
      await again.close();
    }
    expect(readFileSync(path)).toEqual(whole);
    expect(segments(folder)).toHaveLength(1);
  });

  it('may leave a last record with unwritten pages', async () => {
    const { folder, path, ends } = await makeJournal(['first', 'second', 'x'.repeat(50)]);
    const bytes = readFileSync(path);
    bytes.fill(0, ends[1]! + 20, ends[2]! - 4);
    writeFileSync(path, bytes);
    const journal = await open(folder);
    expect(journal.tornBytes).toBe(ends[2]! - ends[1]!);
    expect(payloadsOf(await readAll(journal))).toEqual(['first', 'second']);
    await journal.close();
  });

  it('may leave a segment with half a header, or with a header only', async () => {
    const folder = makeFolder();
    const journal = await open(folder, { segmentBytes: 40 });
    await append(journal, [tick(0)]);
    await append(journal, [tick(1)]);
    await journal.close();
    const [, second] = segments(folder);
    for (const length of [32, 31, 0]) {
      const copy = makeFolder();
      for (const name of segments(folder)) copyFileSync(join(folder, name), join(copy, name));
      truncateSync(join(copy, second!), length);
      const again = await open(copy, { segmentBytes: 40 });
      expect([again.id, again.nextOffset]).toEqual([journal.id, 1]);
      expect(again.tornBytes).toBe(length === 32 ? 0 : length);
      await append(again, [tick(7)]);
      expect((await readAll(again)).map(({ at }) => at)).toEqual([0, 7]);
      await again.close();
    }
  });

  it('may leave the very first segment without a header: nothing had been written yet', async () => {
    const folder = makeFolder();
    writeFileSync(join(folder, 'journal-0000000000000000.wal'), 'WEIR');
    const journal = await open(folder);
    expect([journal.nextOffset, journal.tornBytes]).toEqual([0, 4]);
    await append(journal, [tick(0)]);
    expect(await readAll(journal)).toHaveLength(1);
    await journal.close();
  });
});

describe('damage', () => {
  /** Opens the folder and reads all readable records, with the losses. */
  async function readDamaged(folder: string, from?: number) {
    const losses: JournalLoss[] = [];
    const journal = await open(folder, { onLoss: (loss) => losses.push(loss), segmentBytes: 40 });
    const read = await readAll(journal, from);
    await journal.close();
    return { journal, losses, read, offsets: read.map(({ offset }) => offset) };
  }

  it('in the middle of the last segment loses only the damaged record, and nothing is cut off', async () => {
    const { folder, path, ends } = await makeJournal(['first', 'second', 'third', 'fourth']);
    const sound = readFileSync(path);
    const [from, to] = [ends[0]!, ends[1]!];
    for (let byte = from; byte < to; byte++) {
      for (const flip of [0x01, 0x80]) {
        const bytes = Buffer.from(sound);
        bytes[byte]! ^= flip;
        writeFileSync(path, bytes);
        const { read, losses, journal } = await readDamaged(folder);
        expect(payloadsOf(read)).toEqual(['first', 'third', 'fourth']);
        expect(losses).toEqual([{ path, from, to, firstLost: 1, nextOffset: 2 }]);
        expect([journal.nextOffset, statSync(path).size]).toEqual([4, sound.length]);
      }
    }
  });

  it('of several records, twice in a segment, is reported one by one, and the journal continues', async () => {
    const { folder, path, ends } = await makeJournal(['a', 'b', 'c', 'd', 'e', 'f']);
    const bytes = readFileSync(path);
    bytes.fill(0xff, ends[0]! + 3, ends[2]! - 1);
    bytes[ends[3]! + 9]! ^= 4;
    writeFileSync(path, bytes);
    const losses: JournalLoss[] = [];
    const journal = await open(folder, { onLoss: (loss) => losses.push(loss) });
    await append(journal, [message('g')]);
    expect(payloadsOf(await readAll(journal))).toEqual(['a', 'd', 'f', 'g']);
    expect(losses.map(({ firstLost, nextOffset }) => [firstLost, nextOffset])).toEqual([
      [1, 3],
      [4, 5],
    ]);
    await journal.close();
  });

  it('in an earlier segment, a truncated one, or a missing one, is reported by a read', async () => {
    const folder = makeFolder();
    const journal = await open(folder, { segmentBytes: 40 });
    for (let i = 0; i < 4; i++) await append(journal, [tick(i)]);
    await journal.close();
    const [, second, third] = segments(folder).map((name) => join(folder, name));
    const bytes = readFileSync(second!);
    bytes[40]! ^= 1;
    writeFileSync(second!, bytes);
    const lost = { path: second, from: 32, to: 57, firstLost: 1, nextOffset: 2 };
    expect(await readDamaged(folder)).toMatchObject({ offsets: [0, 2, 3], losses: [lost] });
    expect(await readDamaged(folder, 2)).toMatchObject({ offsets: [2, 3], losses: [] });
    truncateSync(second!, 50);
    expect(await readDamaged(folder)).toMatchObject({ offsets: [0, 2, 3], losses: [{ ...lost, to: 50 }] });
    rmSync(second!);
    rmSync(third!);
    const missing = { from: 0, to: 0, firstLost: 1, nextOffset: 3 };
    expect(await readDamaged(folder)).toMatchObject({ offsets: [0, 3], losses: [missing] });
  });

  it('of a header does not matter while another segment has one', async () => {
    const folder = makeFolder();
    const journal = await open(folder, { segmentBytes: 40 });
    for (let i = 0; i < 3; i++) await append(journal, [tick(i)]);
    await journal.close();
    const last = join(folder, segments(folder)[2]!);
    const bytes = readFileSync(last);
    bytes.fill(0, 0, 20);
    writeFileSync(last, bytes);
    const damaged = await readDamaged(folder);
    expect(damaged).toMatchObject({ offsets: [0, 1, 2], losses: [] });
    expect([damaged.journal.id, damaged.journal.nextOffset]).toEqual([journal.id, 3]);
  });

  it('of the only header is an error with its remedy', async () => {
    const folder = makeFolder();
    const path = join(folder, 'journal-0000000000000000.wal');
    writeFileSync(path, 'x'.repeat(100));
    await expect(open(folder)).rejects.toThrow(`${path} does not begin with the header of a journal`);
  });
});

describe('a folder', () => {
  it('may hold other files', async () => {
    const folder = makeFolder();
    openSync(join(folder, 'journal-1.wal.bak'), 'w');
    const journal = await open(join(folder, 'new', 'deeper'));
    await append(journal, [tick(0)]);
    await journal.close();
    expect(segments(join(folder, 'new', 'deeper'))).toEqual(['journal-0000000000000000.wal']);
    expect((await open(folder)).nextOffset).toBe(0);
  });
});
