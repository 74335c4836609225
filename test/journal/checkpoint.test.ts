import { mkdirSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type Checkpoint, readCheckpoint, writeCheckpoint } from '../../engine/journal/checkpoint.ts';
import { makeFolder } from './folder.ts';

const checkpoint = (nextOffset: number): Checkpoint => ({
  journalId: '0123456789abcdef',
  nextOffset,
  state: Buffer.from(JSON.stringify({ 'dé\n"': [nextOffset] })),
});

const read = async (folder: string) => (await readCheckpoint(folder)).checkpoint;

describe('a checkpoint', () => {
  it('reads back as it was written, the newest one', async () => {
    const folder = makeFolder();
    expect(await read(folder)).toBeUndefined();
    await writeCheckpoint(folder, checkpoint(5));
    await writeCheckpoint(folder, checkpoint(2 ** 40));
    expect(await read(folder)).toEqual(checkpoint(2 ** 40));
    expect(readdirSync(folder)).toEqual(['checkpoint-before.jsonl', 'checkpoint.jsonl']);
  });

  it('takes the place of the one before as a whole: what was half written counts for nothing', async () => {
    const folder = makeFolder();
    await writeCheckpoint(folder, checkpoint(5));
    writeFileSync(join(folder, 'checkpoint.jsonl.new'), '{"version":1,"journ');
    expect(await read(folder)).toEqual(checkpoint(5));
    await writeCheckpoint(folder, checkpoint(6));
    expect(await read(folder)).toEqual(checkpoint(6));
  });

  it('stays as it was when the next one cannot be written', async () => {
    const folder = makeFolder();
    await writeCheckpoint(folder, checkpoint(5));
    mkdirSync(join(folder, 'checkpoint.jsonl.new'));
    await expect(writeCheckpoint(folder, checkpoint(6))).rejects.toThrow('EISDIR');
    expect(await read(folder)).toEqual(checkpoint(5));
    rmSync(join(folder, 'checkpoint.jsonl.new'), { recursive: true });
  });

  it.each([
    [
      'of another version',
      '{"version":2}',
      /checkpoint\.jsonl has version 2, this Weir reads version 1\. Start the Weir that wrote it\./,
    ],
    ['that is no JSON', '{"version":', /checkpoint\.jsonl cannot be read: .*JSON.* Restore it, or move it aside/],
    [
      'that lost its end',
      '{"version":1,"journalId":"0123456789abcdef","nextOffset":5,"crc":7}\n{"a":',
      /its checksum does not fit/,
    ],
    ['that is something else', '[]', /checkpoint\.jsonl has version undefined/],
  ])('%s is an error that names the file', async (_, text, message) => {
    const folder = makeFolder();
    writeFileSync(join(folder, 'checkpoint.jsonl'), text);
    await expect(readCheckpoint(folder)).rejects.toThrow(message);
  });

  it.each([
    ['is damaged', (path: string) => writeFileSync(path, `${readFileSync(path, 'utf8')} `), /checksum does not fit/],
    ['is half there', (path: string) => truncateSync(path, 10), /cannot be read/],
  ])('that %s gives way to the one before it, and says so', async (_, spoil, why) => {
    const folder = makeFolder();
    for (const nextOffset of [5, 6, 7]) await writeCheckpoint(folder, checkpoint(nextOffset));
    spoil(join(folder, 'checkpoint.jsonl'));
    const found = await readCheckpoint(folder);
    expect(found.checkpoint).toEqual(checkpoint(6));
    expect(found.unreadable).toMatch(why);
    spoil(join(folder, 'checkpoint-before.jsonl'));
    await expect(readCheckpoint(folder)).rejects.toThrow(why);
  });

  it('is the one before where a crash came between the two renames', async () => {
    const folder = makeFolder();
    await writeCheckpoint(folder, checkpoint(5));
    await writeCheckpoint(folder, checkpoint(6));
    rmSync(join(folder, 'checkpoint.jsonl'));
    expect(await readCheckpoint(folder)).toEqual({ checkpoint: checkpoint(5), unreadable: undefined });
  });
});
