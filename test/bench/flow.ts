import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startClickHouse } from '../../connectors/embedded/clickhouse.ts';
import { startNats } from '../../connectors/embedded/nats.ts';
import { startMosquitto } from '../integration/servers/mosquitto.ts';
import { CLI } from './bench.ts';

/**
 * How the generator writes readings into a payload. `single` is one reading as a JSON object; `alternating` too, and every second reading of a
 * device is too hot. The others have `readings` of them.
 */
export type PayloadForm = 'single' | 'alternating' | 'json' | 'ndjson' | 'msgpack';

/** The messages of a measurement. */
export interface Load {
  readonly form: PayloadForm;
  /** Readings per message. */
  readonly readings: number;
  readonly messages: number;
}

/** The result of one run. */
export interface Pace {
  readonly messagesPerSecond: number;
  /** CPU time of the process, all its threads, user and system, in microseconds per message. */
  readonly cpuUs: number;
}

/** The servers that the subscribers of a measurement use, and the rules. */
export interface Site {
  readonly folder: string;
  readonly mqttUrl: string;
  readonly mqttPort: number;
  readonly natsUrl: string;
  readonly clickhouseUrl: string;
  stop(): Promise<void>;
}

export const RULES = 100;
/** About one batch per second is best for ClickHouse: with five it needs three times the work. */
export const BATCH_ROWS = 35_000;
const DEVICES = 1_000;
const IN_FLIGHT = 10_000;
/** The unit of times in `/proc/<pid>/stat`, which is 1/100 s on all architectures that Node supports. */
const TICK_US = 10_000;

/** Starts Mosquitto, NATS and ClickHouse, and writes the rules. */
export async function openSite(): Promise<Site> {
  const folder = mkdtempSync(join(tmpdir(), 'weir-bench-'));
  const [mosquitto, nats, clickhouse] = await Promise.all([
    // Otherwise the broker would mostly write logs: four lines per message.
    startMosquitto({ config: ['log_type error'] }),
    startNats({ dir: join(folder, 'nats') }),
    startClickHouse({ dir: join(folder, 'clickhouse') }),
  ]);
  writeRules(join(folder, 'rules'));
  return {
    folder,
    mqttUrl: mosquitto.url,
    mqttPort: mosquitto.port,
    natsUrl: nats.url,
    clickhouseUrl: clickhouse.url,
    async stop() {
      await Promise.all([mosquitto.stop(), nats.stop(), clickhouse.stop()]);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** One rule over windows that counts every reading, and many over single readings that are almost never true. */
function writeRules(folder: string): void {
  mkdirSync(folder);
  const write = (name: string, rule: object) =>
    writeFileSync(join(folder, `${name}.rule.json`), JSON.stringify({ name, stream: 'sensors', ...rule }));
  write('windowed', {
    window: { tumbling: '10s' },
    facts: { mean: { mean: 'temp' }, n: { count: true } },
    conditions: { all: [{ fact: 'mean', operator: 'greaterThan', value: 1_000 }] },
    event: { type: 'windowed' },
  });
  for (let i = 0; i < RULES; i++) {
    const all = [{ fact: i % 2 === 0 ? 'temp' : 'humidity', operator: 'greaterThan', value: 1_000 + i }];
    write(`limit-${i}`, { conditions: { all }, event: { type: 'limit' } });
  }
}

/** Measures a plain mqtt.js subscriber that counts the messages, and parses them if `parses`. */
export async function measureBare(site: Site, load: Load, parses = false): Promise<Pace> {
  const subscriber = child('./bare-subscriber.ts', [site.mqttPort, load.messages, parses ? load.form : 'none']);
  try {
    await once(subscriber, 'message');
    const before = cpuUsOf(subscriber);
    const end = once(subscriber, 'message') as Promise<[number]>;
    const startedAt = await generate(site, load);
    const [endedAt] = await end;
    return paceOf(load, endedAt - startedAt, cpuUsOf(subscriber) - before);
  } finally {
    subscriber.kill();
  }
}

/**
 * Measures the engine: from the broker at QoS 1 through journal with fsync, decoding, a keyed window, the rules, and into ClickHouse. Its time
 * ends when ClickHouse has confirmed the last row. `nodeOptions` are options of the engine's Node.
 */
export async function measureWeir(site: Site, load: Load, nodeOptions: readonly string[] = []): Promise<Pace> {
  const port = 20_000 + Math.floor(Math.random() * 20_000);
  const file = join(site.folder, 'weir.json');
  writeFileSync(file, JSON.stringify(configOf(site, load, port)));
  const engine = fork(CLI, ['run', '--config', file], {
    execArgv: ['--disallow-code-generation-from-strings', '--max-semi-space-size=4', ...nodeOptions],
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  try {
    const url = `http://127.0.0.1:${port}`;
    while (!(await isReady(url))) await pause(50);
    const known = await countInserted(url);
    const before = cpuUsOf(engine);
    const generated = generate(site, load);
    // Each device also has one row because it came online.
    const rows = known + load.messages * load.readings + DEVICES;
    while ((await countInserted(url)) < rows) await pause(200);
    const endedAt = Date.now();
    const used = cpuUsOf(engine) - before;
    return paceOf(load, endedAt - (await generated), used);
  } finally {
    engine.kill('SIGTERM');
    await once(engine, 'exit');
  }
}

/** The median of each figure. */
export function medianPace(paces: readonly Pace[]): Pace {
  const median = (values: readonly number[]) => [...values].sort((a, b) => a - b)[values.length >> 1]!;
  return {
    messagesPerSecond: median(paces.map(({ messagesPerSecond }) => messagesPerSecond)),
    cpuUs: median(paces.map(({ cpuUs }) => cpuUs)),
  };
}

function paceOf({ messages }: Load, ms: number, cpuUs: number): Pace {
  return { messagesPerSecond: (messages * 1_000) / ms, cpuUs: cpuUs / messages };
}

/** CPU time that a process has used until now: user and system, all threads; microseconds. */
function cpuUsOf({ pid }: ChildProcess): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  // The name of the program is in parentheses and may have spaces. utime and stime are the fields 14 and 15, counted from 1.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * TICK_US;
}

function child(file: string, args: readonly (string | number)[]): ChildProcess {
  const path = fileURLToPath(new URL(file, import.meta.url));
  return fork(path, args.map(String), { execArgv: ['--import', 'tsx'], stdio: ['ignore', 'pipe', 'inherit', 'ipc'] });
}

/** Publishes all messages. Resolves with the instant of the first in milliseconds since the epoch. */
async function generate({ mqttPort }: Site, { form, readings, messages }: Load): Promise<number> {
  const inFlight = Math.max(1, Math.floor(IN_FLIGHT / readings));
  const generator = child('./generator.ts', [mqttPort, messages, DEVICES, inFlight, form, readings]);
  let output = '';
  generator.stdout?.on('data', (text) => (output += text));
  const [code] = (await once(generator, 'exit')) as [number];
  if (code !== 0) throw new Error(`the generator ended with ${code}`);
  return (JSON.parse(output) as { startedAt: number }).startedAt;
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

function configOf(site: Site, { form }: Load, port: number): object {
  return {
    data: mkdtempSync(join(site.folder, 'journal-')),
    rules: './rules',
    mqtt: { url: site.mqttUrl, clientId: 'bench-weir', sessionExpiry: '1s' },
    streams: {
      sensors: {
        topic: 'plant/{site}/+/data',
        format: form === 'single' ? 'json' : form,
        ...(form !== 'single' && form !== 'ndjson' && { each: '$' }),
        device: 'device_id',
        time: { path: 'ts', unit: 'ms' },
        fields: { temp: 'number', humidity: 'number', battery: 'number' },
      },
    },
    nats: { servers: site.natsUrl },
    clickhouse: { url: site.clickhouseUrl, batch: { rows: BATCH_ROWS } },
    http: { host: '127.0.0.1', port },
    log: { level: 'warn' },
  };
}
