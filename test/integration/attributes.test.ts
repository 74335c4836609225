import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { KV, NatsConnection } from 'nats';
import { afterEach, expect, test, vi } from 'vitest';
import { freePort } from '../../connectors/embedded/child.ts';
import type { Engine } from './servers/engine.ts';
import type { CloudEvent } from './servers/events.ts';
import { createCleanup, createPlant, eventually, type Plant } from './servers/plant.ts';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 60_000 });

const cleanup = createCleanup();
afterEach(() => cleanup.run());

const RULE = {
  name: 'over-limit',
  stream: 'sensors',
  conditions: { all: [{ fact: 'temp', operator: 'greaterThan', value: { fact: 'device.limits.temp' } }] },
  event: { type: 'over-limit' },
};

/** A plant whose rows nobody takes: they wait in the journal. */
async function plantWith(attributes: Record<string, string>, devices: object): Promise<Plant> {
  const plant = await createPlant(
    {
      clickhouseUrl: `http://127.0.0.1:${await freePort()}`,
      database: 'weir',
      streams: { sensors: { topic: 'plant/{device}', format: 'json', fields: { temp: 'number' } } },
      rules: [RULE],
    },
    cleanup,
  );
  await plant.writeConfig({ attributes });
  await write(plant, devices);
  return plant;
}

const write = (plant: Plant, devices: object) => writeFile(join(plant.dir, 'devices.json'), JSON.stringify(devices));

/** What stands in the KV of open alerts for a device; undefined where nothing does. */
async function openAlert(nats: NatsConnection, device: string): Promise<CloudEvent | undefined> {
  const open: KV = await nats.jetstream().views.kv('weir_alerts_open', { bindOnly: true });
  const entry = await open.get(`over-limit.${device}`);
  return entry?.operation === 'PUT' ? entry.json() : undefined;
}

async function counted(engine: Engine, name: string): Promise<number> {
  return (await engine.metrics())[`weir_${name}_total`] ?? Number.NaN;
}

test('limits come from a file and from a bucket, change while the engine runs, and outlast a restart', async () => {
  const plant = await plantWith(
    { file: './devices.json', bucket: 'weir_attributes' },
    { d1: { limits: { temp: 50 } }, d2: { limits: { temp: 70 } } },
  );
  let engine = await plant.start();
  const nats = await plant.natsClient();
  const client = await plant.client();
  const send = (device: string) => client.publishAsync(`plant/${device}`, '{"temp":60}', { qos: 1 });
  await eventually(async () => {
    const parts = (await engine.readiness()).parts.filter(({ ready }) => !ready).map(({ name }) => name);
    expect(parts).toEqual(['clickhouse']);
  });
  for (const device of ['d1', 'd2']) await send(device);
  await eventually(async () => expect(await openAlert(nats, 'd1')).toBeDefined());
  expect(await openAlert(nats, 'd2')).toBeUndefined();

  await write(plant, { d1: { limits: { temp: 90 } }, d2: { limits: { temp: 70 } } });
  await eventually(async () => expect(await counted(engine, 'attributes_changed')).toBe(3));
  await send('d1');
  await eventually(async () => expect(await openAlert(nats, 'd1')).toBeUndefined());

  const bucket = await nats.jetstream().views.kv('weir_attributes', { bindOnly: true });
  await bucket.put('d2', '{"limits":{"temp":55}}');
  await eventually(async () => expect(await counted(engine, 'attributes_changed')).toBe(4));
  await send('d2');
  await eventually(async () => expect(await openAlert(nats, 'd2')).toBeDefined());

  await writeFile(join(plant.dir, 'devices.json'), '{"d1":');
  await eventually(async () => expect(await counted(engine, 'attributes_rejected')).toBe(1));
  await bucket.delete('d2');
  await eventually(async () => expect(await counted(engine, 'attributes_changed')).toBe(5));
  await send('d2');
  await eventually(async () => expect(await openAlert(nats, 'd2')).toBeUndefined());

  await write(plant, { d1: { limits: { temp: 90 } }, d2: { limits: { temp: 70 } } });
  await engine.kill();
  engine = await plant.start();
  await eventually(async () =>
    expect((await engine.readiness()).parts).toContainEqual({ name: 'attributes bucket', ready: true }),
  );
  expect(await counted(engine, 'attributes_changed')).toBe(0);
});

test('the engine does not start with a faulty file, and says where the fault is', async () => {
  const plant = await plantWith({ file: './devices.json' }, { d1: 5 });
  const engine = plant.spawn();
  expect(await engine.exited).toMatchObject({ code: 2 });
  expect(engine.stderr()).toMatch(
    /devices\.json:1:2: error: The attributes of "d1" are not an object\. \[not-an-object\]/,
  );
});
