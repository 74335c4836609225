import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../engine/config/parse.ts';
import { formatProblem } from '../../engine/document/problem.ts';
import { choiceFrom, mutate } from './mutate.ts';
import { full } from './sample.ts';

const sampleText = readFileSync(new URL('../../deploy/weir.json', import.meta.url), 'utf8');
const parse = (value: unknown) => parseConfig('/etc/weir/weir.json', JSON.stringify(value));

describe('a sound config', () => {
  it('as deployed gets every default', () => {
    const { config, problems } = parseConfig('/etc/weir/weir.json', sampleText);
    expect(problems).toEqual([]);
    expect(config).toEqual({
      file: '/etc/weir/weir.json',
      data: '/var/lib/weir',
      rules: '/etc/rules',
      mqtt: [
        {
          name: 'mqtt',
          url: 'mqtt://mosquitto:1883',
          clientId: 'weir',
          version: 5,
          receiveMaximum: 10_000,
          keepalive: 30,
          sessionExpiry: 604_800,
          statusTopic: 'weir/weir/status',
          username: 'weir',
          password: { env: 'WEIR_MQTT_PASSWORD' },
        },
      ],
      streams: [
        {
          name: 'sensors',
          topic: 'plant/{site}/{device}/data',
          qos: 1,
          format: 'json',
          device: { topic: 'device' },
          labels: [{ name: 'site', place: { topic: 'site' } }],
          time: { path: 'ts', unit: 'ms' },
          fields: [
            { name: 'temp', type: 'number', unit: '°C', path: 'temp' },
            { name: 'humidity', type: 'number', unit: '%', path: 'humidity' },
            { name: 'battery', type: 'number', unit: '%', path: 'battery' },
          ],
          undeclared: 'keep',
          coerce: false,
          forgetMs: 2_592_000_000,
          status: { topic: 'plant/{site}/{device}/status', offline: ['offline'], online: ['online'] },
          limits: { bytes: 65_536, depth: 16, fields: 256, readings: 1_000, devices: 50_000, keys: 10_000 },
          ttlDays: 365,
        },
      ],
      nats: {
        servers: ['nats://nats:4222'],
        outboxBytes: 16_777_216,
        username: 'weir',
        password: { env: 'WEIR_NATS_PASSWORD' },
      },
      clickhouse: {
        url: 'http://clickhouse:8123',
        database: 'weir',
        username: 'weir',
        password: { env: 'WEIR_CLICKHOUSE_PASSWORD' },
        batch: { rows: 10_000, bytes: 5_000_000, ageMs: 1_000 },
        queueBytes: 33_554_432,
        concurrency: 2,
        requestTimeoutMs: 30_000,
      },
      http: { host: '0.0.0.0', port: 8080 },
      log: { level: 'info' },
      journal: { maxBytes: 1_073_741_824, minFreeBytes: 104_857_600 },
      maxAheadMs: 300_000,
    });
  });

  it('may have every key', () => {
    const { config, problems } = parse(full);
    expect(problems.map(formatProblem)).toEqual([]);
    expect(config).toMatchObject({
      data: '/etc/weir/var/data',
      rules: '/etc/weir/rules',
      mqtt: [
        {
          version: '3.1.1',
          keepalive: 60,
          sessionExpiry: 86_400,
          statusTopic: 'weir/status',
          tls: {
            ca: '/etc/weir/certs/ca.pem',
            cert: '/etc/weir/certs/weir.pem',
            key: '/etc/weir/weir.key',
            verify: true,
          },
          subscribe: [
            { filter: 'plant/#', qos: 1 },
            { filter: '$share/weir/status/#', qos: 0 },
            { filter: 'x', qos: 1 },
          ],
        },
        { name: 'yard', clientId: 'weir', statusTopic: 'weir/weir/status' },
      ],
      nats: {
        servers: ['tls://n1:4222', 'tls://n2:4222'],
        password: { file: '/etc/weir/secrets/nats' },
        outboxBytes: 65_536,
      },
      clickhouse: {
        username: { env: 'CH_USER' },
        password: { file: '/run/secrets/clickhouse' },
        tls: {
          ca: '/etc/weir/certs/ch.pem',
          cert: '/etc/weir/certs/weir.pem',
          key: '/etc/weir/certs/weir.key',
          verify: true,
        },
        batch: { rows: 500, bytes: 1_048_576, ageMs: 250 },
        requestTimeoutMs: 1_001,
      },
      maxAheadMs: 600_000,
    });
  });

  it('may write streams in several ways', () => {
    expect(parse(full).config?.streams).toMatchObject([
      {
        name: 'sensors',
        each: 'readings',
        device: { topic: 'sensor' },
        labels: [
          { name: 'site', place: { topic: 'site' } },
          { name: 'room', place: { path: 'meta.room' } },
          { name: 'building', place: { path: '$.building' } },
          { name: 'place', place: { topic: 'site' } },
        ],
        time: { path: 'ts', unit: 'ms' },
        sequence: { path: 'seq', modulus: 65_536 },
        fields: [
          { name: 'temp', type: 'number', unit: '°C', path: 'data.t' },
          { name: 'humidity', type: 'number', path: 'humidity' },
          { name: 'door', type: 'boolean', path: 'door' },
        ],
        status: { offline: ['gone'], online: ['here', 'back'] },
        limits: { bytes: 1_000_000, depth: 8, fields: 32, readings: 10, devices: 50_000, keys: 10_000 },
        ttlDays: 30,
      },
      { name: 'meters', device: { topic: 'device' }, labels: [], coerce: true },
      {
        name: 'gateways',
        device: { path: 'id' },
        labels: [],
        time: { path: 'at', unit: 's' },
        sequence: { path: 'n' },
        fields: [{ name: 'load', path: 'sys.load' }],
      },
    ]);
  });

  it('may have comments, a byte order mark and another folder', () => {
    const text = `\uFEFF// the plant\n${sampleText.replace('"nats"', '/* events */ "nats"')}`;
    expect(parseConfig('weir.json', text, '/opt').config).toMatchObject({ file: 'weir.json', rules: '/rules' });
  });
});

describe('two streams', () => {
  const stream = { topic: 'plant/{device}/data', format: 'json', fields: { temp: 'number' } };
  const mqtt = [
    { name: 'a', url: 'mqtt://a' },
    { name: 'b', url: 'mqtt://b' },
  ];

  it.each([
    ['on different brokers', { broker: 'a' }, { broker: 'b' }, false],
    ['on the same broker', { broker: 'a' }, { broker: 'a' }, true],
    ['one of them on every broker', { broker: 'a' }, {}, true],
    ['by other placeholders', { topic: 'plant/{device}/{kind}' }, { topic: 'plant/{device}/+' }, true],
    ['by different topics', { topic: 'plant/{device}/a' }, { topic: 'plant/{device}/b' }, false],
  ])('with the same topic %s', (_name, one, two, clash) => {
    const { problems } = parse({ ...full, mqtt, streams: { one: { ...stream, ...one }, two: { ...stream, ...two } } });
    expect(problems.map(({ code }) => code)).toEqual(clash ? ['duplicate-topic'] : []);
  });
});

describe('any config', () => {
  const tape = fc.array(fc.nat(), { minLength: 60, maxLength: 60 });

  it('with mutations gives a config or an error, never an exception', () => {
    let refused = 0;
    fc.assert(
      fc.property(tape, fc.integer({ min: 1, max: 6 }), (numbers, times) => {
        const choose = choiceFrom(numbers);
        let value: unknown = choose(2) === 0 ? full : JSON.parse(sampleText);
        for (let round = 0; round < times; round++) value = mutate(value, choose);
        const { config, problems } = parse(value);
        const failed = problems.some(({ severity }) => severity === 'error');
        if (failed) refused++;
        return (config === undefined) === failed && problems.every(({ line, column }) => line >= 1 && column >= 1);
      }),
      { numRuns: 2_000 },
    );
    expect(refused).toBeGreaterThan(500);
  });

  it('with damaged text never throws', () => {
    fc.assert(
      fc.property(fc.nat(), fc.nat({ max: 40 }), fc.string({ maxLength: 3 }), (from, length, insert) => {
        const at = from % sampleText.length;
        const { config, problems } = parseConfig(
          'weir.json',
          sampleText.slice(0, at) + insert + sampleText.slice(at + length),
        );
        return config !== undefined || problems.length > 0;
      }),
      { numRuns: 1_000 },
    );
  });

  it('never shows a password, however it is written', () => {
    const secret = fc.stringMatching(/^[A-Z0-9/@:#?%]{1,4}HUNTER2[A-Z0-9/@:#?% ]{0,4}$/);
    fc.assert(
      fc.property(secret, fc.nat({ max: 6 }), (password, where) => {
        const value = structuredClone(full) as unknown as Record<string, Record<string, unknown>>;
        const clickhouse = value.clickhouse!;
        const nats = value.nats!;
        if (where === 0) clickhouse.password = password;
        if (where === 1) clickhouse.password = [password];
        if (where === 2) clickhouse.url = `http://weir:${password}@host:8123`;
        if (where === 3) clickhouse.url = `htp://weir:${password}@host`;
        if (where === 4) nats.servers = [`nats://${password}@host:x`];
        if (where === 5) value.mqtt = `mqtt://weir:${password}@host` as unknown as Record<string, unknown>;
        if (where === 6) nats.token = { env: 'A', file: 'b', value: password };
        const { problems } = parse(value);
        return problems.length > 0 && !problems.map(formatProblem).join('\n').includes('HUNTER2');
      }),
    );
  });
});
