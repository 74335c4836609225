import { connect } from 'nats';

/**
 * The baseline: publishes events as an application does by hand, with `js.publish` and a KV bucket, 64 keys at a time. Arguments: URL, events,
 * keys. It sends what this took to its parent.
 */
const [url = '', events = '0', keys = '1'] = process.argv.slice(2);
const CONCURRENCY = 64;
const nc = await connect({ servers: url, noAsyncTraces: true });
const manager = await nc.jetstreamManager();
await manager.streams.add({ name: 'BENCH', subjects: ['bench.>'] });
const js = nc.jetstream({ timeout: 30_000 });
const kv = await js.views.kv('bench', { history: 1 });

const total = Number(events);
const startedAt = performance.now();
const cpuBefore = process.cpuUsage();
let next = 0;
async function publishAll(): Promise<void> {
  while (next < total) {
    const index = next++;
    const device = `dev-${String(index % Number(keys)).padStart(5, '0')}`;
    const id = `bench.${index}.limit-0.${device}`;
    const data = {
      rule: 'limit-0',
      key: device,
      state: index % 2 === 0 ? 'firing' : 'resolved',
      text: 'x'.repeat(700),
    };
    const body = JSON.stringify({ specversion: '1.0', id, source: 'bench', type: 'alert', time: new Date(), data });
    await js.publish(`bench.warning.limit-0.${device}`, body, { msgID: id });
    await (index % 2 === 0 ? kv.put(`limit-0.${device}`, body) : kv.delete(`limit-0.${device}`));
  }
}
await Promise.all(Array.from({ length: CONCURRENCY }, publishAll));
const { user, system } = process.cpuUsage(cpuBefore);
process.send?.({ ms: performance.now() - startedAt, cpuMs: (user + system) / 1_000 });
await manager.streams.delete('BENCH');
await nc.close();
process.disconnect?.();
