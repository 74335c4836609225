import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { freePort } from '../../connectors/embedded/child.ts';
import { startClickHouse } from '../../connectors/embedded/clickhouse.ts';
import { startNats } from '../../connectors/embedded/nats.ts';
import { startMosquitto } from '../integration/servers/mosquitto.ts';
import { type BenchCase, CLI, MIB } from './bench.ts';
import type { PayloadForm } from './flow.ts';
import { cpuMsOf } from './process-cpu.ts';
import type { SilenceCost } from './silent-engine.ts';

/** One event per message, after a first round of messages that are below the limit. */
const EVENTS = 100_000;
const DEVICES = 5_000;
const MESSAGES = EVENTS + DEVICES;
const IN_FLIGHT = 10_000;
const RULES = 10;
const POLL_MS = 100;

/** What one run of a process took. `ms`: from the first message until everything is confirmed. */
interface Cost {
  readonly ms: number;
  readonly cpuMs: number;
}

interface Servers {
  readonly folder: string;
  readonly mqttPort: number;
  readonly natsUrl: string;
  readonly config: string;
}

/**
 * Each message changes an alert: one event, one change of its KV entry, and one row of `alerts`. Rate: events per second from the first message
 * until NATS has confirmed the last event; the baseline is a program that publishes as many events, with their KV entries, by the client's own
 * functions. CPU: what an event costs the engine's process, in µs, without what the same messages cost if none of them causes an event.
 * Memory: the engine's highest resident memory, against that of the run without events.
 *
 * Silence: as many devices are due at the same instant, with two events each. CPU: all that the engine does meanwhile. Memory: against that before they fell silent. Intake: the
 * longest wait of another device's message for its acknowledgement, against how long the publication took.
 */
export const events: BenchCase = {
  name: 'events',
  summary: `${EVENTS} changes of alerts, one per message: rate, CPU and memory, against publishing by the client of NATS alone`,
  async run() {
    const folder = mkdtempSync(join(tmpdir(), 'weir-bench-'));
    const [mosquitto, nats, clickhouse] = await Promise.all([
      startMosquitto({ config: ['log_type error'] }),
      startNats({ dir: join(folder, 'nats') }),
      startClickHouse({ dir: join(folder, 'clickhouse') }),
    ]);
    try {
      const config = writeConfig(folder, { mqtt: mosquitto.url, nats: nats.url, clickhouse: clickhouse.url });
      const servers = { folder, mqttPort: mosquitto.port, natsUrl: nats.url, config };
      const client = await measureClient(servers);
      const quiet = await measureWeir(servers, 'single');
      const loud = await measureWeir(servers, 'alternating');
      const rate = (EVENTS * 1_000) / loud.ms;
      const clientRate = (EVENTS * 1_000) / client.ms;
      const cpuUs = ((loud.cpuMs - quiet.cpuMs) * 1_000) / EVENTS;
      const clientCpuUs = (client.cpuMs * 1_000) / EVENTS;
      const silent = await measureSilence(servers);
      return [
        result('events: rate', Math.round(rate), Math.round(clientRate), 'events/s'),
        result('events: cpu', tenths(cpuUs), tenths(clientCpuUs), 'µs of CPU per event'),
        result('events: memory', loud.rssMib, quiet.rssMib, 'MiB'),
        result(
          'events: silence rate',
          Math.round((silent.events * 1_000) / silent.ms),
          Math.round(clientRate),
          'events/s',
        ),
        result(
          'events: silence cpu',
          tenths((silent.cpuMs * 1_000) / silent.events),
          tenths(clientCpuUs),
          'µs of CPU per event',
        ),
        result('events: silence memory', silent.rssMib, silent.rssBeforeMib, 'MiB'),
        result('events: silence intake', Math.round(silent.longestAckMs), Math.round(silent.ms), 'ms of longest wait'),
      ];
    } finally {
      await Promise.all([mosquitto.stop(), nats.stop(), clickhouse.stop()]);
      rmSync(folder, { recursive: true, force: true });
    }
  },
};

const tenths = (value: number) => Math.round(value * 10) / 10;

function result(name: string, value: number, baseline: number, unit: string) {
  return { case: name, value, baseline, ratio: value / baseline, unit };
}

function child(file: string, args: readonly (string | number)[], flags: readonly string[] = []): ChildProcess {
  const path = fileURLToPath(new URL(file, import.meta.url));
  return fork(path, args.map(String), {
    execArgv: ['--import', 'tsx', ...flags],
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
  });
}

async function measureClient({ natsUrl }: Servers): Promise<Cost> {
  const client = child('./nats-client.ts', [natsUrl, EVENTS, DEVICES]);
  const [cost] = (await once(client, 'message')) as [Cost];
  await once(client, 'exit');
  return cost;
}

/** Publishes all messages. Resolves with the instant of the first in milliseconds since the epoch. */
async function generate({ mqttPort }: Servers, form: PayloadForm): Promise<number> {
  const generator = child('./generator.ts', [mqttPort, MESSAGES, DEVICES, IN_FLIGHT, form, 1]);
  let output = '';
  generator.stdout?.on('data', (text) => (output += text));
  const [code] = (await once(generator, 'exit')) as [number];
  if (code !== 0) throw new Error(`the generator ended with ${code}`);
  return (JSON.parse(output) as { startedAt: number }).startedAt;
}

async function measureWeir(servers: Servers, form: PayloadForm): Promise<Cost & { readonly rssMib: number }> {
  const data = mkdtempSync(join(servers.folder, 'journal-'));
  const port = await freePort();
  const file = join(servers.folder, 'weir.json');
  writeFileSync(file, servers.config.replace('DATA', data).replace('"PORT"', String(port)));
  const engine = fork(CLI, ['run', '--config', file], {
    execArgv: ['--disallow-code-generation-from-strings', '--max-semi-space-size=4'],
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  try {
    const url = `http://127.0.0.1:${port}`;
    while (!(await isReady(url))) await delay(POLL_MS);
    const before = await metricsOf(url);
    const cpuBefore = cpuMsOf(engine.pid as number);
    const generated = generate(servers, form);
    // Each device comes online once, which is an event and a row too.
    const changes = form === 'alternating' ? EVENTS : 0;
    const wanted = { events: changes + DEVICES, rows: MESSAGES + changes + DEVICES };
    let rss = 0;
    let publishedAt = 0;
    for (let rows = -1; rows < wanted.rows || publishedAt === 0; ) {
      await delay(POLL_MS);
      // A busy engine may close a kept connection just then.
      const now = await metricsOf(url).catch(() => undefined);
      if (now === undefined) continue;
      rows = now.rows - before.rows;
      rss = Math.max(rss, now.rss);
      if (publishedAt === 0 && now.events - before.events >= wanted.events) publishedAt = Date.now();
    }
    const cpuMs = cpuMsOf(engine.pid as number) - cpuBefore;
    return { ms: publishedAt - (await generated), cpuMs, rssMib: Math.round(rss / MIB) };
  } finally {
    engine.kill('SIGTERM');
    await once(engine, 'exit');
  }
}

/** Runs the engine in a process of its own until as many devices as there are events have fallen silent. */
async function measureSilence(servers: Servers): Promise<SilenceCost> {
  const data = mkdtempSync(join(servers.folder, 'silence-'));
  const rules = join(data, 'rules');
  mkdirSync(rules);
  const rule = { name: 'silence', stream: 'sensors', silence: '10s', event: { type: 'silent' } };
  writeFileSync(join(rules, 'silence.rule.json'), JSON.stringify(rule));
  const config = JSON.parse(servers.config.replace('DATA', data).replace('"PORT"', String(await freePort())));
  config.streams.sensors.limits = { devices: 2 * EVENTS };
  const file = join(data, 'weir.json');
  writeFileSync(file, JSON.stringify({ ...config, rules }));
  const engine = child('./silent-engine.ts', [file, EVENTS], ['--max-semi-space-size=4']);
  const [cost] = (await once(engine, 'message')) as [SilenceCost];
  engine.disconnect();
  await once(engine, 'exit');
  return cost;
}

async function isReady(url: string): Promise<boolean> {
  try {
    return (await fetch(`${url}/readyz`)).status === 200;
  } catch {
    return false;
  }
}

async function metricsOf(url: string): Promise<{ rows: number; events: number; rss: number }> {
  const text = await (await fetch(`${url}/metrics`)).text();
  const read = (name: string) => Number(new RegExp(`^${name} (.*)$`, 'm').exec(text)?.[1] ?? 0);
  return {
    rows: read('weir_rows_inserted_total'),
    events: read('weir_events_published_total'),
    rss: read('process_resident_memory_bytes'),
  };
}

/** One rule that every second message of a device meets, and others that none meets. */
function writeConfig(folder: string, urls: { mqtt: string; nats: string; clickhouse: string }): string {
  const rules = join(folder, 'rules');
  mkdirSync(rules);
  for (let i = 0; i < RULES; i++) {
    const limit = i === 0 ? 100 : 1_000 + i;
    const rule = {
      name: `limit-${i}`,
      stream: 'sensors',
      conditions: { all: [{ fact: 'temp', operator: 'greaterThan', value: limit }] },
      event: { type: 'limit', params: { severity: 'warning', message: '{{device}} has {{temp}} °C' } },
    };
    writeFileSync(join(rules, `${rule.name}.rule.json`), JSON.stringify(rule));
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
    clickhouse: { url: urls.clickhouse, batch: { rows: 35_000 } },
    http: { host: '127.0.0.1', port: 'PORT' },
    log: { level: 'warn' },
  });
}
