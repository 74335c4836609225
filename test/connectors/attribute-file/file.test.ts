import { mkdtempSync, renameSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { createAttributeFile } from '../../../connectors/attribute-file/file.ts';

const DEADLINE = { timeout: 5_000, interval: 5 };

/** A source that reads a file with this content, and everything that it reports. */
function follow(name: string, content: string) {
  const folder = mkdtempSync(join(tmpdir(), 'weir-attributes-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, name);
  writeFileSync(file, content);
  const source = createAttributeFile({ file, pollMs: 10 });
  onTestFinished(() => source.stop());
  const reports: (Record<string, string | undefined> | readonly string[])[] = [];
  source.start({
    all: (entries) => reports.push(Object.fromEntries(entries)),
    faulty: (faults) => reports.push(faults),
    put: () => expect.unreachable(),
    removed: () => expect.unreachable(),
  });
  return { file, folder, source, reports };
}

test('a file is reported at once, and again when it is written', async () => {
  const { file, reports } = follow('devices.csv', 'device,limit\nd1,5\n');
  expect(reports).toEqual([{ d1: '{"limit":5}' }]);
  writeFileSync(file, 'device,limit\nd1,6\nd2,7\n');
  await vi.waitFor(() => expect(reports.at(-1)).toEqual({ d1: '{"limit":6}', d2: '{"limit":7}' }), DEADLINE);
  expect(reports).toHaveLength(2);
});

test('a replaced file is reported each time, also with the same size and age', async () => {
  const { file, folder, reports } = follow('devices.json', '{"d1":{"limit":1}}');
  const at = new Date(0);
  for (const limit of [2, 3, 4]) {
    writeFileSync(join(folder, 'next'), `{"d1":{"limit":${limit}}}`);
    utimesSync(join(folder, 'next'), at, at);
    renameSync(join(folder, 'next'), file);
    await vi.waitFor(() => expect(reports.at(-1)).toEqual({ d1: `{"limit":${limit}}` }), DEADLINE);
  }
  expect(reports).toHaveLength(4);
});

test('a faulty or missing file is reported with the reason; a valid one is reported again', async () => {
  const { file, source, reports } = follow('devices.json', '{"d1":{}}');
  expect(source.status()).toEqual({ name: 'attributes file', ready: true });
  writeFileSync(file, '{"d1":\n 5}');
  await vi.waitFor(
    () => expect(reports.at(-1)).toEqual([expect.stringMatching(/devices\.json:1:2: error: /)]),
    DEADLINE,
  );
  expect(source.status()).toMatchObject({ ready: true, reason: expect.stringContaining('"d1"') as string });
  rmSync(file);
  await vi.waitFor(() => expect(reports.at(-1)).toEqual([expect.stringContaining('cannot be read')]), DEADLINE);
  writeFileSync(file, '{"d2":{}}');
  await vi.waitFor(() => expect(reports.at(-1)).toEqual({ d2: '{}' }), DEADLINE);
  expect(source.status()).toEqual({ name: 'attributes file', ready: true });
});

test('a file that is being written is not read until it stops changing', () => {
  vi.useFakeTimers();
  onTestFinished(() => {
    vi.useRealTimers();
  });
  const { file, reports } = follow('devices.json', '{}');
  for (const part of ['{', '{"d1"', '{"d1":{}', '{"d1":{}}']) {
    writeFileSync(file, part);
    vi.advanceTimersByTime(10);
  }
  expect(reports).toEqual([{}]);
  vi.advanceTimersByTime(10);
  expect(reports).toEqual([{}, { d1: '{}' }]);
});
