import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pino from 'pino';
import { onTestFinished, vi } from 'vitest';
import type { Config } from '../../engine/model/config.ts';
import type { Inbound, Source, SourceHandler } from '../../engine/ports.ts';
import { type ServiceOptions, startService } from '../../engine/runtime/service.ts';
import { createCounters, createTimings } from '../../engine/telemetry.ts';
import { setUp } from '../pipeline/kit.ts';

const HOT = {
  name: 'hot',
  stream: 'sensors',
  conditions: { all: [{ fact: 'temp', operator: 'greaterThan', value: 50 }] },
  event: { type: 'hot' },
};

/** Options of the service and parts of its config that a test sets. */
export interface TestOptions extends Partial<Omit<ServiceOptions, 'config'>> {
  readonly journal?: Partial<Config['journal']>;
  readonly nats?: Partial<Config['nats']>;
}

/** Starts an engine with a real journal, and with the source and sinks of the test. Resolves while recovery may still be in progress. */
export async function launch({ journal, nats, ...options }: TestOptions = {}, folder?: string) {
  const data = folder ?? (await makeFolder());
  const counters = createCounters();
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
    config: {
      ...config,
      data,
      clickhouse,
      journal: { ...config.journal, minFreeBytes: 0, ...journal },
      nats: { ...config.nats, ...nats },
    },
    plan,
    createSource: () => source,
    tableSink: { ...port, insert: async ({ table }) => void delivered.push(`rows of ${table}`) },
    eventSink: { ...port, publish: async ({ subject }) => void delivered.push(subject) },
    attributeSources: {},
    clock: { now: () => Date.now(), steady: () => performance.now() },
    random: () => 0,
    timings: createTimings(),
    log: pino({ level: 'silent' }),
    counters,
    onFailure: (error) => {
      throw error;
    },
    ...options,
  });
  let stopped: ReturnType<typeof service.stop> | undefined;
  const stop = (deadlineMs = 5_000) => (stopped ??= service.stop(deadlineMs));
  onTestFinished(async () => void (await stop()));
  return { service, delivered, counters, stop, handler: () => handler };
}

/** The same, after recovery: the source is started. */
export async function start(options: TestOptions = {}, folder?: string) {
  const { handler, ...started } = await launch(options, folder);
  const given = await vi.waitFor(() => {
    const found = handler();
    if (found === undefined) throw new Error('the source is not started yet');
    return found;
  });
  return { ...started, handler: given };
}

/** Creates a folder that is deleted after the test and its engine have ended. */
export async function makeFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'weir-service-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

export const reading = (device: string, temp: number): Inbound => ({
  topic: `plant/north/${device}/data`,
  payload: Buffer.from(JSON.stringify({ ts: Date.now(), temp })),
  qos: 1,
  retain: false,
  dup: false,
  packetId: 1,
});
