import { connect, type KV, type NatsConnection } from 'nats';
import { expect, onTestFinished, test, vi } from 'vitest';
import { createKvAttributes } from '../../connectors/nats/attribute-bucket.ts';
import { testNats } from './servers/nats.ts';

const DEADLINE = { timeout: 15_000, interval: 20 };
vi.setConfig({ testTimeout: 40_000 });

/** A source that reads a bucket, and the attributes that its handler has received. */
function follow(url: string) {
  const source = createKvAttributes({ config: { servers: [url] }, bucket: 'weir_attributes' });
  onTestFinished(() => source.stop());
  const current = new Map<string, string | undefined>();
  const faults: string[] = [];
  let fullReads = 0;
  source.start({
    all: (entries) => {
      current.clear();
      for (const [device, text] of entries) current.set(device, text);
      fullReads += 1;
    },
    put: (device, text) => current.set(device, text),
    removed: (device) => current.delete(device),
    faulty: (reasons) => faults.push(...reasons),
  });
  return { source, faults, fullReads: () => fullReads, current: () => Object.fromEntries(current) };
}

async function bucketOf(url: string): Promise<{ client: NatsConnection; bucket: KV }> {
  const client = await connect({ servers: url });
  onTestFinished(() => client.close());
  return { client, bucket: await client.jetstream().views.kv('weir_attributes') };
}

test('a missing bucket is created, and changes in it are reported', async () => {
  const server = await testNats();
  const { source, current, faults, fullReads } = follow(server.url);
  expect(source.status()).toMatchObject({ name: 'attributes bucket', ready: false });
  await vi.waitFor(() => expect(source.status().ready).toBe(true), DEADLINE);
  expect([fullReads(), current()]).toEqual([1, {}]);
  const client = await connect({ servers: server.url });
  onTestFinished(() => client.close());
  const bucket = await client.jetstream().views.kv('weir_attributes', { bindOnly: true });
  await bucket.put('dev-1', '{ "limits": { "temp": 70 } }');
  await bucket.put('d=C3=A9=2E1', '{}');
  await vi.waitFor(() => expect(current()).toEqual({ 'dev-1': '{"limits":{"temp":70}}', 'dé.1': '{}' }), DEADLINE);
  await bucket.put('dev-1', '{"limits":{"temp":60}}');
  await bucket.delete('d=C3=A9=2E1');
  await vi.waitFor(() => expect(current()).toEqual({ 'dev-1': '{"limits":{"temp":60}}' }), DEADLINE);
  expect(faults).toEqual([]);
});

test('unusable entries are reported with the reason, and change nothing', async () => {
  const server = await testNats();
  const { bucket } = await bucketOf(server.url);
  await bucket.put('dev-0', '[]');
  await bucket.put('dev-1', '{"a":1}');
  const { current, faults } = follow(server.url);
  await vi.waitFor(() => expect(current()).toEqual({ 'dev-0': undefined, 'dev-1': '{"a":1}' }), DEADLINE);
  // Of two quick changes, the bucket may report only the last.
  await bucket.put('dev-1', '{"a":');
  await vi.waitFor(() => expect(faults).toHaveLength(2), DEADLINE);
  await bucket.put('dev-1', '{"__proto__":1}');
  await bucket.put('plant.dev-1', '{}');
  await bucket.put('dev-2', '{"a":2}');
  await vi.waitFor(() => expect(current()).toMatchObject({ 'dev-2': '{"a":2}' }), DEADLINE);
  expect(current()).toEqual({ 'dev-0': undefined, 'dev-1': '{"a":1}', 'dev-2': '{"a":2}' });
  expect(faults).toEqual([
    'weir_attributes/dev-0: The attributes of "dev-0" are not an object. Write them like { "limits": { "temp": 70 } }.',
    expect.stringMatching(/^weir_attributes\/dev-1: A /),
    'weir_attributes/dev-1: The key `__proto__` is not allowed. Choose another name.',
    'weir_attributes/plant.dev-1: The key is not a valid device key. For the device "plant.dev-1", use the key plant=2Edev-1.',
  ]);
});

test('changes during a lost connection are reported after the reconnection; nothing is lost', async () => {
  const server = await testNats();
  const { bucket, client } = await bucketOf(server.url);
  await bucket.put('dev-1', '{"a":1}');
  await bucket.put('dev-2', '{"a":1}');
  const { source, current, fullReads } = follow(server.url);
  await vi.waitFor(() => expect(current()).toEqual({ 'dev-1': '{"a":1}', 'dev-2': '{"a":1}' }), DEADLINE);
  await client.close();
  await server.stop();
  await vi.waitFor(() => expect(source.status().reason).toMatch(/connection to NATS .* is lost/), DEADLINE);
  expect(current()).toEqual({ 'dev-1': '{"a":1}', 'dev-2': '{"a":1}' });
  const again = await testNats({ dir: server.dir, port: server.port });
  const { bucket: same } = await bucketOf(again.url);
  await same.delete('dev-1');
  await same.put('dev-2', '{"a":2}');
  await vi.waitFor(() => expect(current()).toEqual({ 'dev-2': '{"a":2}' }), DEADLINE);
  await vi.waitFor(() => expect(fullReads()).toBeGreaterThan(1), DEADLINE);
  await same.put('dev-3', '{}');
  await vi.waitFor(() => expect(current()).toEqual({ 'dev-2': '{"a":2}', 'dev-3': '{}' }), DEADLINE);
  expect(source.status()).toEqual({ name: 'attributes bucket', ready: true });
});
