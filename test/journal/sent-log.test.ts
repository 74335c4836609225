import { appendFileSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { SentRange } from '../../engine/delivery/ranges.ts';
import { openSentLog } from '../../engine/journal/sent-log.ts';

function makeFolder() {
  const folder = mkdtempSync(join(tmpdir(), 'weir-sent-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return { folder, path: join(folder, 'sent.jsonl') };
}

const range = (from: number, to: number, token = `${from}-${to}`): SentRange => {
  return { table: 't', from, to, rows: 2, distances: 'AAAAAAkAAAA=', prints: 'AQAAAAIAAAA=', token };
};

describe('the log of inserts', () => {
  it('gives the next run its inserts, with halves in place of the whole', async () => {
    const { folder, path } = makeFolder();
    const log = await openSentLog(folder, 'j0');
    expect(log.earlier).toEqual([]);
    await Promise.all([log.write([range(0, 9)]), log.write([range(10, 19)])]);
    await log.write([range(0, 4), range(5, 9)], '0-9');
    await log.write([{ ...range(5, 9), dead: true }], '5-9');
    // It is not closed, as in a killed process.
    const next = await openSentLog(folder, 'j0');
    expect(next.earlier).toEqual([range(10, 19), range(0, 4), { ...range(5, 9), dead: true }]);
    expect(next.damaged).toBe(0);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    await log.close();
    await next.close();
  });

  it('removes inserts that the journal has released, and continues', async () => {
    const { folder, path } = makeFolder();
    const log = await openSentLog(folder, 'j0');
    await log.write([range(0, 9)]);
    await log.write([range(10, 19)]);
    await log.release(10);
    await log.write([range(20, 29)]);
    expect(readFileSync(path, 'utf8')).not.toContain('"0-9"');
    await log.close();
    const next = await openSentLog(folder, 'j0');
    expect(next.earlier).toEqual([range(10, 19), range(20, 29)]);
    await next.close();
  });

  it('skips half of a line, and inserts of another journal', async () => {
    const { folder, path } = makeFolder();
    const log = await openSentLog(folder, 'j0');
    await log.write([range(0, 9)]);
    appendFileSync(path, '\n{"sent":[{"table":"t","fr');
    await log.write([range(10, 19)]);
    const next = await openSentLog(folder, 'j0');
    expect(next.earlier).toEqual([range(0, 9), range(10, 19)]);
    expect(next.damaged).toBe(1);
    const other = await openSentLog(folder, 'j1');
    expect(other.earlier).toEqual([]);
    for (const each of [log, next, other]) await each.close();
    writeFileSync(path, '{"version":9,"journalId":"j1"}\n');
    await expect(openSentLog(folder, 'j1')).rejects.toThrow(/version 9; this version of Weir reads version 1/);
  });
});
