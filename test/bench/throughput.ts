import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startClickHouse } from '../../connectors/embedded/clickhouse.ts';
import { startNats } from '../../connectors/embedded/nats.ts';
import { startMosquitto } from '../integration/servers/mosquitto.ts';
import { type BenchCase, CLI } from './bench.ts';

const BATCH_ROWS = 35_000;
/** Whole batches, so that the wait of the last rows for a full batch is not part of the rate. */
const MESSAGES = 28 * BATCH_ROWS;
const ROUNDS = 3;
const DEVICES = 1_000;
const IN_FLIGHT = 10_000;
const RULES = 100;

interface Servers {
  readonly folder: string;
  readonly mqttPort: number;
  readonly config: string;
}

/**
 * Messages per second at QoS 1 from a broker, through journal with fsync, decoding, a keyed window, 100 rules, and into ClickHouse. The
 * baseline is a plain subscriber that only counts. Both get the same messages, in turn, and the medians are compared. Weir's time ends
 * when ClickHouse has confirmed the last row.
 */
export const throughput: BenchCase = {
  name: 'throughput',
  summary: `messages/s through the whole pipeline, ${RULES} rules, against a bare mqtt.js subscriber`,
  async run() {
    const folder = mkdtempSync(join(tmpdir(), 'weir-bench-'));
    const [mosquitto, nats, clickhouse] = await Promise.all([
      // Otherwise the broker would mostly write logs: four lines per message.
      startMosquitto({ config: ['log_type error'] }),
      startNats({ dir: join(folder, 'nats') }),
      startClickHouse({ dir: join(folder, 'clickhouse') }),
    ]);
    try {
      const config = writeConfig(folder, { mqtt: mosquitto.url, nats: nats.url, clickhouse: clickhouse.url });
      const servers = { folder, mqttPort: mosquitto.port, config };
      const bare: number[] = [];
      const weir: number[] = [];
      for (let round = 0; round < ROUNDS; round++) {
        bare.push(await measureBare(servers));
        weir.push(await measureWeir(servers));
      }
      const value = median(weir);
      const baseline = median(bare);
      return [
        {
          case: 'throughput',
          value: Math.round(value),
          baseline: Math.round(baseline),
          ratio: value / baseline,
          unit: 'messages/s',
        },
      ];
    } finally {
      await Promise.all([mosquitto.stop(), nats.stop(), clickhouse.stop()]);
      rmSync(folder, { recursive: true, force: true });
    }
  },
};

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] as number;
}

function child(file: string, args: readonly (string | number)[]): ChildProcess {
  const path = fileURLToPath(new URL(file, import.meta.url));
  return fork(path, args.map(String), { execArgv: ['--import', 'tsx'], stdio: ['ignore', 'pipe', 'inherit', 'ipc'] });
}

/** Publishes all messages. Resolves with the instant of the first in milliseconds since the epoch. */
async function generate({ mqttPort }: Servers): Promise<number> {
  const generator = child('./generator.ts', [mqttPort, MESSAGES, DEVICES, IN_FLIGHT]);
  let output = '';
  generator.stdout?.on('data', (text) => (output += text));
  const [code] = (await once(generator, 'exit')) as [number];
  if (code !== 0) throw new Error(`the generator ended with ${code}`);
  return (JSON.parse(output) as { startedAt: number }).startedAt;
}

async function measureBare(servers: Servers): Promise<number> {
  const subscriber = child('./bare-subscriber.ts', [servers.mqttPort, MESSAGES]);
  try {
    await once(subscriber, 'message');
    const end = once(subscriber, 'message') as Promise<[number]>;
    const startedAt = await generate(servers);
    const [endedAt] = await end;
    return (MESSAGES * 1_000) / (endedAt - startedAt);
  } finally {
    subscriber.kill();
  }
}

async function measureWeir(servers: Servers): Promise<number> {
  const data = mkdtempSync(join(servers.folder, 'journal-'));
  const port = 20_000 + Math.floor(Math.random() * 20_000);
  const file = join(servers.folder, 'weir.json');
  writeFileSync(file, servers.config.replace('DATA', data).replace('"PORT"', String(port)));
  const engine = fork(CLI, ['run', '--config', file], {
    execArgv: ['--disallow-code-generation-from-strings', '--max-semi-space-size=4'],
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  try {
    const url = `http://127.0.0.1:${port}`;
    while (!(await isReady(url))) await pause(50);
    const before = await countInserted(url);
    const generated = generate(servers);
    // Each device also has one row because it came online.
    while ((await countInserted(url)) - before < MESSAGES + DEVICES) await pause(200);
    const endedAt = Date.now();
    return (MESSAGES * 1_000) / (endedAt - (await generated));
  } finally {
    engine.kill('SIGTERM');
    await once(engine, 'exit');
  }
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

async function isReady(url: string): Promise<boolean> {
  try {
    return (await fetch(`${url}/readyz`)).status === 200;
  } catch {
    return false;
  }
}

async function countInserted(url: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  return Number(/^weir_rows_inserted_total (.*)$/m.exec(text)?.[1] ?? 0);
}

/** One rule over windows that counts every reading, and many over single readings that are almost never true. */
function writeConfig(folder: string, urls: { mqtt: string; nats: string; clickhouse: string }): string {
  const rules = join(folder, 'rules');
  mkdirSync(rules);
  const write = (rule: { name: string }) => writeFileSync(join(rules, `${rule.name}.rule.json`), JSON.stringify(rule));
  write({
    name: 'windowed',
    stream: 'sensors',
    window: { tumbling: '10s' },
    facts: { mean: { mean: 'temp' }, n: { count: true } },
    conditions: { all: [{ fact: 'mean', operator: 'greaterThan', value: 1_000 }] },
    event: { type: 'windowed' },
  } as { name: string });
  for (let i = 0; i < RULES; i++) {
    const all = [{ fact: i % 2 === 0 ? 'temp' : 'humidity', operator: 'greaterThan', value: 1_000 + i }];
    write({ name: `limit-${i}`, stream: 'sensors', conditions: { all }, event: { type: 'limit' } } as { name: string });
  }
  return JSON.stringify({
    data: 'DATA',
    rules: './rules',
    mqtt: { url: urls.mqtt, clientId: 'bench-weir', sessionExpiry: '1s' },
    streams: {
      sensors: {
        topic: 'plant/{site}/+/data',
        format: 'json',
        device: 'device_id',
        time: { path: 'ts', unit: 'ms' },
        fields: { temp: 'number', humidity: 'number', battery: 'number' },
      },
    },
    nats: { servers: urls.nats },
    // About one batch per second is best for ClickHouse: with five it needs three times the work.
    clickhouse: { url: urls.clickhouse, batch: { rows: BATCH_ROWS } },
    http: { host: '127.0.0.1', port: 'PORT' },
    log: { level: 'warn' },
  });
}
