import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const RULES = 10;

/** Writes the rules and the config of the engine into a folder, and returns the file. One rule is about the alerts of the load. */
export function writeConfig(
  folder: string,
  options: {
    readonly mqtt: string;
    readonly nats: string;
    readonly clickhouse: string;
    readonly port: number;
    readonly devices: number;
  },
): string {
  const rules = join(folder, 'rules');
  mkdirSync(rules, { recursive: true });
  for (let i = 0; i < RULES; i++) {
    const rule = {
      name: `hot-${i}`,
      stream: 'sensors',
      conditions: { all: [{ fact: 'temp', operator: 'greaterThan', value: 90 + 100 * i }] },
      // The event carries the number of its message.
      event: { type: 'hot', params: { severity: 'warning', message: '{"n":{{n}}}' } },
    };
    writeFileSync(join(rules, `${rule.name}.rule.json`), JSON.stringify(rule));
  }
  const config = {
    data: join(folder, 'data'),
    rules: './rules',
    mqtt: { url: options.mqtt, clientId: 'bench-weir', sessionExpiry: '1s' },
    streams: {
      sensors: {
        topic: 'plant/{site}/{device}/data',
        format: 'json',
        time: { path: 'ts', unit: 'ms' },
        fields: { temp: 'number', humidity: 'number', n: 'number' },
        limits: { devices: 2 * options.devices + 10_000 },
      },
    },
    nats: { servers: options.nats },
    clickhouse: { url: options.clickhouse },
    http: { host: '127.0.0.1', port: options.port },
    log: { level: 'warn' },
  };
  const file = join(folder, 'weir.json');
  writeFileSync(file, JSON.stringify(config));
  return file;
}
