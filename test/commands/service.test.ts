import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pino from 'pino';
import { expect, it, onTestFinished, vi } from 'vitest';
import { startService } from '../../engine/commands/service.ts';
import type { Inbound, Source, SourceHandler } from '../../engine/ports.ts';
import { createCounters } from '../../engine/telemetry.ts';
import { setUp } from '../pipeline/kit.ts';

const HOT = {
  name: 'hot',
  stream: 'sensors',
  conditions: { all: [{ fact: 'temp', operator: 'greaterThan', value: 50 }] },
  event: { type: 'hot' },
};

/** An engine on a real journal, whose source and sinks are the test's own. */
async function start() {
  const data = await mkdtemp(join(tmpdir(), 'weir-service-'));
  const { config, plan } = setUp([HOT]);
  const clickhouse = { ...config.clickhouse, batch: { ...config.clickhouse.batch, rows: 1 } };
  const delivered: string[] = [];
  let handler: SourceHandler | undefined;
  const port = {
    status: () => ({ name: 'port', ready: true }),
    close: async () => undefined,
    open: async () => undefined,
  };
  const source: Source = {
    start: (given) => {
      handler = given;
    },
    stop: async () => undefined,
    status: port.status,
  };
  const service = await startService({
    config: { ...config, data, clickhouse, journal: { ...config.journal, minFreeBytes: 0 } },
    plan,
    createSource: () => source,
    tableSink: { ...port, insert: async ({ table }) => void delivered.push(`rows of ${table}`) },
    eventSink: { ...port, publish: async ({ subject }) => void delivered.push(subject) },
    attributeSources: {},
    clock: { now: () => Date.now() },
    random: () => 0,
    log: pino({ level: 'silent' }),
    counters: createCounters(),
    onFailure: (error) => {
      throw error;
    },
  });
  onTestFinished(async () => {
    await service.stop(5_000);
    await rm(data, { recursive: true, force: true });
  });
  const given = await vi.waitFor(() => {
    if (handler === undefined) throw new Error('the doors are not open yet');
    return handler;
  });
  return { handler: given, delivered };
}

const reading = (device: string, temp: number): Inbound => ({
  topic: `plant/north/${device}/data`,
  payload: Buffer.from(JSON.stringify({ ts: Date.now(), temp })),
  qos: 1,
  retain: false,
  dup: false,
  packetId: 1,
});

it('hands events to their sink ahead of the rows that the same records make', async () => {
  const { handler, delivered } = await start();
  const devices = ['d1', 'd2', 'd3', 'd4'];
  handler.messages(
    0,
    devices.map((device) => reading(device, 60)),
    () => undefined,
  );
  await vi.waitFor(() => expect(delivered.filter((each) => each === 'rows of sensors')).toHaveLength(4));
  const firstRows = delivered.findIndex((each) => each.startsWith('rows of'));
  expect(delivered.slice(0, firstRows).filter((each) => each.startsWith('weir.alerts.'))).toEqual(
    devices.map((device) => `weir.alerts.warning.hot.${device}`),
  );
});
