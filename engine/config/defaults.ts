/** All defaults of the config, written as in the file. The schema shows them in editors; `fillConfig` fills them in. */
export const DEFAULTS = {
  data: './data',
  rules: './rules',
  maxAhead: '5m',
  mqtt: {
    name: 'mqtt',
    clientId: 'weir',
    version: 5,
    receiveMaximum: 10_000,
    keepalive: '30s',
    sessionExpiry: '7d',
    qos: 1,
  },
  stream: {
    qos: 1,
    undeclared: 'keep',
    coerce: false,
    offline: ['offline'],
    online: ['online'],
    limits: { bytes: '64KiB', depth: 16, fields: 256, readings: 1_000, devices: 50_000, keys: 10_000 },
  },
  nats: { outbox: '16MiB' },
  clickhouse: {
    database: 'weir',
    batch: { rows: 10_000, bytes: '5MB', age: '1s' },
    queue: '32MiB',
    concurrency: 2,
    requestTimeout: '30s',
  },
  http: { host: '127.0.0.1', port: 8080 },
  log: { level: 'info' },
  journal: { maxBytes: '1GiB', minFree: '100MiB' },
} as const;
