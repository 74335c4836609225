import { parseConfig } from '../../engine/config/parse.ts';
import type { StreamConfig } from '../../engine/model/config.ts';

/** The streams of the cases, as a config declares them. */
const STREAMS = {
  sensors: {
    topic: 'plant/{site}/{line}/{device}/data',
    format: 'json',
    time: { path: 'ts', unit: 'ms' },
    fields: {
      temp: { type: 'number', unit: '°C' },
      humidity: { type: 'number', unit: '%' },
      power: 'number',
      door: 'boolean',
      mode: 'string',
    },
  },
  meters: { topic: 'meters/{device}', format: 'json', fields: { power: { type: 'number', unit: 'W' } } },
  doors: {
    topic: 'plant/{site}/{device}/door',
    format: 'json',
    time: { path: 'ts', unit: 'ms' },
    fields: { open: 'boolean', level: { type: 'number', unit: '%' } },
  },
  loose: {
    topic: 'loose/{site}/{device}',
    format: 'json',
    time: { path: 'ts', unit: 'ms' },
    fields: { temp: 'number', door: 'boolean', mode: 'string' },
    coerce: true,
  },
};

/** Parses the streams of the cases. */
export function readStreams(): readonly StreamConfig[] {
  const file = {
    data: 'data',
    rules: 'rules',
    mqtt: { url: 'mqtt://localhost', clientId: 'weir-1' },
    streams: STREAMS,
    nats: { servers: 'nats://localhost' },
    clickhouse: { url: 'http://localhost:8123', database: 'weir' },
  };
  const { config, problems } = parseConfig('weir.json', JSON.stringify(file), '/etc/weir');
  if (config === undefined) throw new Error(JSON.stringify(problems, null, 2));
  return config.streams;
}
