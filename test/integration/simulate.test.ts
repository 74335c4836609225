// Longer than most: the tests share one broker and its subscriber.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import mqtt, { type MqttClient } from 'mqtt';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { BrokerUnavailable, runSimulation, type SimulationOptions } from '../../engine/commands/simulate/fleet.ts';
import type { SimulationReport } from '../../engine/commands/simulate/report.ts';
import { simulate } from '../../engine/commands/simulate.ts';
import { FAULT_NAMES } from '../../engine/simulator/faults.ts';
import { createSimulator } from '../../engine/simulator/simulator.ts';
import { isReading } from '../simulator/collect.ts';
import { type Mosquitto, startMosquitto } from './servers/mosquitto.ts';

const DEADLINE_MS = 15_000;
const never = new AbortController().signal;

interface Received {
  readonly topic: string;
  readonly payload: Buffer;
}

interface Subscriber {
  readonly received: readonly Received[];
  /** Waits for this many messages, and then for a final marker message, after which no other message can arrive. */
  complete(count: number): Promise<void>;
  end(): Promise<void>;
}

/** An ordinary client that records every message below a prefix. */
async function subscribe(
  url: string,
  prefix: string,
  login: { username?: string; password?: string } = {},
): Promise<Subscriber> {
  const client: MqttClient = await mqtt.connectAsync(url, {
    clientId: `test-${prefix}`,
    clean: false,
    reconnectPeriod: 50,
    ...login,
  });
  const received: Received[] = [];
  let last = false;
  client.on('message', (topic, payload) => {
    if (topic === `${prefix}/last`) last = true;
    else received.push({ topic, payload });
  });
  await client.subscribeAsync(`${prefix}/#`, { qos: 1 });
  return {
    received,
    async complete(count) {
      await until(
        () => received.length >= count,
        () => `${received.length} of ${count} messages`,
      );
      await client.publishAsync(`${prefix}/last`, '', { qos: 1 });
      await until(
        () => last,
        () => 'the last word',
      );
    },
    end: () => client.endAsync(),
  };
}

async function until(condition: () => boolean, waitingFor: () => string): Promise<void> {
  const deadlineAt = performance.now() + DEADLINE_MS;
  while (!condition()) {
    if (performance.now() > deadlineAt) throw new Error(`still waiting: ${waitingFor()}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** Runs the command in the same way as the command line. */
async function run(args: readonly string[], env: Record<string, string> = {}, signal = never) {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const code = await simulate.run(args, { stdout, stderr, env, signal });
  return { code, stdout: String(stdout.read() ?? ''), stderr: String(stderr.read() ?? '') };
}

const lastLine = (text: string) => JSON.parse(text.trim().split('\n').at(-1)!) as SimulationReport;

let broker: Mosquitto;
let dir: string;
beforeAll(async () => {
  broker = await startMosquitto();
  dir = await mkdtemp(join(tmpdir(), 'weir-simulate-'));
});
afterAll(async () => {
  await broker?.stop();
  await rm(dir, { recursive: true, force: true });
});

test('an ordinary subscriber receives exactly what the report says', async () => {
  const subscriber = await subscribe(broker.url, 'exact');
  const faults = FAULT_NAMES.flatMap((name) => ['--fault', `${name}:20%`]);
  const args = ['--broker', broker.url, '--topic', 'exact/{site}/{device}/data', '--devices', '20', '--seed', '3'];
  const { code, stdout, stderr } = await run([...args, '--rate', 'max', '--count', '5000', '--json', ...faults]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  const report = lastLine(stdout);
  expect(report).toMatchObject({ published: 5000, acknowledged: 5000, unacknowledged: 0 });
  await subscriber.complete(5000);
  await subscriber.end();

  const data = subscriber.received.filter(({ topic }) => topic.endsWith('/data'));
  const readings = data.filter(({ payload }) => isReading(payload)).map(({ payload }) => payload.toString());
  expect(report).toMatchObject({
    readings: readings.length,
    distinctReadings: new Set(readings).size,
    garbage: data.length - readings.length,
    status: 5000 - data.length,
  });
  expect(subscriber.received.length).toBe(5000);
  for (const name of FAULT_NAMES) {
    const { devices, messages, withheld } = report.byFault[name]!;
    expect(devices.length).toBe(4);
    expect(messages + withheld, name).toBeGreaterThan(0);
  }
  expect(report.withheld).toBeGreaterThan(0);
  // Timestamps end at about now and do not get ahead of the clock, except the skewed ones.
  const ahead = readings.filter((text) => (JSON.parse(text) as { ts: number }).ts > Date.now() + 601_000);
  expect(ahead).toEqual([]);
});

test('the received messages are the sequence of the seed, with the same bytes and order', async () => {
  const subscriber = await subscribe(broker.url, 'order');
  const source = {
    kind: 'fleet',
    devices: 3,
    everyMs: 1000,
    seed: 9,
    startAt: 1_700_000_000_000,
    faults: [{ name: 'garbage' }],
  } as const;
  const topic = 'order/{device}/data';
  await runSimulation({ broker, source, topic, paced: false, count: 500 }, never);
  await subscriber.complete(500);
  await subscriber.end();
  const simulator = createSimulator({ ...source, topic });
  for (const { topic: at, payload } of subscriber.received) {
    const expected = simulator.next();
    expect([at, payload.toString('latin1')]).toEqual([
      expected.topic,
      Buffer.from(expected.payload).toString('latin1'),
    ]);
  }
});

test('a paced fleet sends when messages are due, and reports its progress', async () => {
  const startedAt = performance.now();
  const args = ['--broker', broker.url, '--devices', '4', '--rate', '40/s', '--for', '500ms', '--fault', 'stuck'];
  const { code, stdout } = await run([...args, '--topic', 'paced/{device}']);
  expect(code).toBe(0);
  expect(performance.now() - startedAt).toBeGreaterThan(450);
  expect(stdout).toContain('4 devices, a reading every 100ms, 40 messages/s, seed 1');
  expect(stdout).toContain('published 20 messages');
  expect(stdout).toMatch(/stuck: \d+ messages \(dev-000\d\)/);
});

describe('replay', () => {
  const lines = Array.from(
    { length: 30 },
    (_, i) => [Date.UTC(2013, 11, 2, 21, 15) + i * 300_000, 70 + i / 10] as const,
  );
  const csv = lines
    .map(([at, value]) => `${new Date(at).toISOString().slice(0, 19).replace('T', ' ')},${value}`)
    .join('\n');

  test.each([['36000'], ['max']])('at speed %s arrives in order with the recorded stamps', async (speed) => {
    const file = join(dir, `series-${speed}.csv`);
    await writeFile(file, `timestamp,value\n${csv}\n`);
    const prefix = `replay-${speed}`;
    const subscriber = await subscribe(broker.url, prefix);
    const args = ['--broker', broker.url, '--replay', file, '--speed', speed, '--device', 'press-7', '--field', 'load'];
    const startedAt = performance.now();
    const { code, stdout } = await run([...args, '--topic', `${prefix}/{device}`, '--json']);
    // 29 steps of 300 s at 36000 × are 242 ms.
    if (speed !== 'max') expect(performance.now() - startedAt).toBeGreaterThan(240);
    expect(code).toBe(0);
    expect(lastLine(stdout)).toMatchObject({ published: 30, acknowledged: 30, readings: 30, byFault: {} });
    await subscriber.complete(30);
    await subscriber.end();
    expect(subscriber.received.map(({ payload }) => JSON.parse(payload.toString()))).toEqual(
      lines.map(([ts, load]) => ({ device_id: 'press-7', load, ts })),
    );
  });

  test('an invalid line is reported with its position, and nothing is sent', async () => {
    const file = join(dir, 'bad.csv');
    await writeFile(file, '2013-12-02 21:15:00,1\nlater,2\n');
    const { code, stderr, stdout } = await run(['--broker', broker.url, '--replay', file]);
    expect(code).toBe(2);
    expect(stdout).toBe('');
    expect(stderr).toContain(`${file}:2:1: error: "later" is not a timestamp [invalid-timestamp]`);
  });
});

test('the signal ends an endless simulation, and everything is acknowledged and reported', async () => {
  const subscriber = await subscribe(broker.url, 'signal');
  const controller = new AbortController();
  const running = run(
    ['--broker', broker.url, '--rate', '200/s', '--topic', 'signal/{device}', '--json'],
    {},
    controller.signal,
  );
  await until(
    () => subscriber.received.length >= 20,
    () => 'the first messages',
  );
  controller.abort();
  const { code, stdout } = await running;
  expect(code).toBe(0);
  const report = lastLine(stdout);
  expect(report.acknowledged).toBe(report.published);
  await subscriber.complete(report.acknowledged);
  await subscriber.end();
  expect(subscriber.received.length).toBe(report.acknowledged);
});

test('a time ends an unpaced simulation', async () => {
  const options: SimulationOptions = {
    broker,
    source: { kind: 'fleet', devices: 5, everyMs: 1000, seed: 1, faults: [] },
    topic: 'time/{device}',
    paced: false,
    forMs: 300,
  };
  const report = await runSimulation(options, never);
  expect(report.acknowledged).toBe(report.published);
  expect(report.published).toBeGreaterThan(0);
  expect(report.elapsedMs).toBeGreaterThanOrEqual(295);
  expect(report.elapsedMs).toBeLessThan(5_000);
});

test('a restart of the broker loses no acknowledged message', async () => {
  const own = await startMosquitto();
  try {
    const subscriber = await subscribe(own.url, 'restart');
    const args = ['--broker', own.url, '--rate', '1000/s', '--count', '1500', '--topic', 'restart/{device}', '--json'];
    const running = run(args);
    await until(
      () => subscriber.received.length >= 100,
      () => 'the first messages',
    );
    await own.restart();
    const { code, stdout, stderr } = await running;
    expect(code).toBe(0);
    expect(lastLine(stdout)).toMatchObject({ published: 1500, acknowledged: 1500, distinctReadings: 1500 });
    expect(stderr).toContain('no connection');
    expect(stderr).toContain('connected to');
    const distinct = () => new Set(subscriber.received.map(({ payload }) => payload.toString()));
    await until(
      () => distinct().size >= 1500,
      () => `${distinct().size} of 1500 readings`,
    );
    await subscriber.end();
    expect(distinct().size).toBe(1500);
  } finally {
    await own.stop();
  }
});

describe('a broker that cannot be used', () => {
  test('is reported with a remedy if there is no server', async () => {
    const gone = await startMosquitto();
    await gone.stop();
    const source = { kind: 'fleet', devices: 1, everyMs: 1000, seed: 1, faults: [] } as const;
    const attempt = runSimulation({ broker: gone, source, connectMs: 100 }, never);
    await expect(attempt).rejects.toThrow(`${gone.url} does not answer: connect ECONNREFUSED`);
    await expect(attempt).rejects.toBeInstanceOf(BrokerUnavailable);
  });

  test('is not tried again if it refuses the login', async () => {
    const closed = await startMosquitto({ config: ['allow_anonymous false'] });
    try {
      const { code, stderr } = await run(['--broker', closed.url, '--username', 'me', '--password-env', 'PW'], {
        PW: 'secret',
      });
      expect(code).toBe(1);
      expect(stderr).toContain(`${closed.url}: Connection refused: Not authorized; check --broker, --username`);
      expect(stderr).not.toContain('secret');
    } finally {
      await closed.stop();
    }
  });
});

test('QoS 0 counts messages that the socket has, and all of them arrive', async () => {
  const subscriber = await subscribe(broker.url, 'zero');
  const { code, stdout } = await run([
    '--broker',
    broker.url,
    '--rate',
    'max',
    '--count',
    '300',
    '--qos',
    '0',
    '--topic',
    'zero/{device}',
    '--json',
  ]);
  expect(code).toBe(0);
  expect(lastLine(stdout)).toMatchObject({ published: 300, acknowledged: 300 });
  await subscriber.complete(300);
  await subscriber.end();
});
