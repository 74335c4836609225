import { chownSync, existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { journal as command } from '../../engine/commands/journal.ts';
import { lockFolder } from '../../engine/journal/lock.ts';
import type { NewRecord } from '../../engine/model/record.ts';
import { append, makeFolder, message, open, readAll, tick } from '../journal/folder.ts';

async function run(...args: string[]) {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  stdout.setEncoding('utf8');
  let output = '';
  stdout.on('data', (text) => {
    output += text;
  });
  const { signal } = new AbortController();
  const code = await command.run(args, { stdout, stderr, env: {}, signal });
  stdout.end();
  return { code, stdout: output, stderr: String(stderr.read() ?? '') };
}

const SEGMENT = 'journal-0000000000000000.wal';

/** Writes a journal of two segments: five records in the first, and one in the second. */
async function makeJournal(): Promise<string> {
  const folder = makeFolder();
  const journal = await open(folder, { segmentBytes: 100 });
  await append(journal, [tick(0), message('one'), message(Buffer.from([0xff, 0])), message('three'), tick(9)]);
  await append(journal, [message('last')]);
  await journal.close();
  return folder;
}

function damage(folder: string): void {
  const path = join(folder, SEGMENT);
  const bytes = readFileSync(path);
  bytes[bytes.indexOf('one')]! ^= 1;
  writeFileSync(path, bytes);
}

describe('weir journal', () => {
  it('verifies a sound journal', async () => {
    const folder = await makeJournal();
    const { code, stdout } = await run('verify', '--data', folder);
    expect(stdout).toContain(`${SEGMENT}: ${readFileSync(join(folder, SEGMENT)).length} bytes, records 0 to 4\n`);
    expect(stdout).toMatch(/2 segments, 6 records, 0 damaged\n$/);
    expect(code).toBe(0);
  });

  it('reports the damage of a journal, and changes nothing', async () => {
    const folder = await makeJournal();
    damage(folder);
    const before = readFileSync(join(folder, SEGMENT));
    const { code, stdout } = await run('verify', '--data', folder);
    expect(stdout).toMatch(/damaged from byte 57 to \d+\n {2}1 records are missing\n/);
    expect(stdout).toContain('2 segments, 5 records, 1 damaged');
    expect(code).toBe(1);
    const lines = (await run('verify', '--json', '--data', folder)).stdout.trim().split('\n');
    expect(lines.map((line) => JSON.parse(line))).toMatchObject([
      { records: 4, missing: 1, damages: [{ from: 57 }], header: true },
      { records: 1, missing: 0, damages: [] },
    ]);
    expect(readFileSync(join(folder, SEGMENT))).toEqual(before);
  });

  it('dumps records, in a range of offsets', async () => {
    const folder = await makeJournal();
    const { code, stdout } = await run('dump', '--data', folder, '--from', '1', '--to', '4');
    expect(
      stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line)),
    ).toMatchObject([
      { kind: 'message', offset: 1, payload: 'one' },
      { kind: 'message', offset: 2, base64: '/wA=' },
      { kind: 'message', offset: 3, payload: 'three' },
    ]);
    expect(code).toBe(0);
    expect((await run('dump', '--data', folder)).stdout.trim().split('\n')).toHaveLength(6);
  });

  it('marks messages that are retried dead letters', async () => {
    const folder = makeFolder();
    const journal = await open(folder);
    await append(journal, [message('one'), { ...message('two'), redriven: true } as NewRecord]);
    await journal.close();
    const lines = (await run('dump', '--data', folder)).stdout.trim().split('\n');
    expect(lines.map((line) => JSON.parse(line).redriven)).toEqual([undefined, true]);
  });

  it('repairs what is damaged, keeps the damaged file, and leaves the rest alone', async () => {
    const folder = await makeJournal();
    damage(folder);
    const damaged = readFileSync(join(folder, SEGMENT));
    const { code, stdout } = await run('repair', '--data', folder);
    expect(stdout).toContain('1 of 2 segments repaired');
    expect(code).toBe(0);
    expect(readFileSync(join(folder, `${SEGMENT}.damaged`))).toEqual(damaged);
    expect((await run('verify', '--data', folder)).stdout).not.toContain('damaged from');
    const lost: unknown[] = [];
    const journal = await open(folder, { onLoss: (loss) => lost.push(loss) });
    expect((await readAll(journal)).map(({ offset }) => offset)).toEqual([0, 2, 3, 4, 5]);
    expect(lost).toMatchObject([{ from: 0, to: 0, firstLost: 1, nextOffset: 2 }]);
    await journal.close();
    expect((await run('repair', '--data', folder)).stdout).toContain('0 of 2 segments repaired');
  });

  it('repairs nothing in a folder that is in use', async () => {
    const folder = await makeJournal();
    damage(folder);
    writeFileSync(join(folder, 'lock'), '1');
    const { code, stderr } = await run('repair', '--data', folder);
    expect([code, stderr]).toEqual([1, expect.stringContaining('is in use by process 1')]);
    expect(existsSync(join(folder, `${SEGMENT}.damaged`))).toBe(false);
    writeFileSync(join(folder, 'lock'), '');
    lockFolder(folder)();
  });

  it.each([
    [[], 'name an action: verify, dump, repair'],
    [['mend'], 'name an action'],
    [['verify', 'x'], 'unexpected argument "x"'],
    [['dump', '--from', 'a'], '--from and --to are offsets'],
    [['verify', '--data', '/nowhere/at/all'], 'there is no folder /nowhere/at/all'],
  ])('%j is refused, with the remedy', async (args, expected) => {
    const { code, stderr } = await run(...args);
    expect([code, stderr]).toEqual([2, expect.stringContaining(expected)]);
  });

  it.skipIf(process.getuid?.() !== 0)('repairs as root, and keeps the owner of the file', async () => {
    const folder = await makeJournal();
    damage(folder);
    chownSync(join(folder, SEGMENT), 12_345, 23_456);
    expect((await run('repair', '--data', folder)).code).toBe(0);
    expect(statSync(join(folder, SEGMENT))).toMatchObject({ uid: 12_345, gid: 23_456 });
    expect(statSync(join(folder, SEGMENT)).mode & 0o777).toBe(0o600);
  });
});
