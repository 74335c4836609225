import { existsSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, expect, onTestFinished, test, vi } from 'vitest';
import { openJournal } from '../../engine/journal/journal.ts';
import { segmentPath } from '../../engine/journal/segment.ts';
import { createCounters } from '../../engine/telemetry.ts';
import { type Engine, spawnWeir } from './servers/engine.ts';

vi.setConfig({ testTimeout: 60_000 });

/** A sparse file that takes a second or more to read. */
const LARGE_BYTES = 400e6;

let folder: string;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'weir-start-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  await mkdir(join(folder, 'rules'));
});

/** The engine with this data folder, and without servers. */
function startIn(data: string): Engine {
  const config = {
    data,
    rules: 'rules',
    mqtt: { url: 'mqtt://127.0.0.1:9', clientId: 'weir' },
    streams: { sensors: { topic: 'plant/{device}', format: 'json', fields: { temp: 'number' } } },
    nats: { servers: 'nats://127.0.0.1:9' },
    clickhouse: { url: 'http://127.0.0.1:9', database: 'weir' },
    http: { port: 0 },
  };
  writeFileSync(join(folder, 'weir.json'), JSON.stringify(config));
  const engine = spawnWeir(['run', '--config', join(folder, 'weir.json')]);
  onTestFinished(async () => {
    await engine.kill();
  });
  return engine;
}

test.each([
  ['/proc/x', 'ENOENT'],
  ['/proc/x/y', 'ENOENT'],
  ['/etc/passwd/x', 'ENOTDIR'],
  ['/etc/passwd', 'EEXIST'],
])('data that cannot be in %s is refused at once', async (data, code) => {
  const engine = startIn(data);
  expect(await engine.exited).toEqual({ code: 1, signal: null });
  expect(engine.log()).toMatchObject([
    { msg: 'cannot start', reason: expect.stringContaining(`cannot be made (${code})`) },
  ]);
});

test('SIGTERM ends a slow start', async () => {
  const data = join(folder, 'data');
  const journal = await openJournal({
    folder: data,
    counters: createCounters(),
    onFailure: () => undefined,
    onLoss: () => undefined,
  });
  await new Promise<void>((durable) => journal.append([{ kind: 'tick', at: 0 }], durable));
  await journal.close();
  truncateSync(segmentPath(data, 0), LARGE_BYTES);

  const engine = startIn(data);
  await vi.waitFor(() => expect(existsSync(join(data, 'lock'))).toBe(true), { timeout: 30_000, interval: 20 });
  expect(await engine.stop()).toEqual({ code: 0, signal: null });
  expect(engine.log()[0]).toMatchObject({ msg: 'stopped by a signal while it was starting' });
});
