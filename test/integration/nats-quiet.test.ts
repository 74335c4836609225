import { connect } from 'nats';
import { expect, onTestFinished, test } from 'vitest';
import { createNatsSink } from '../../connectors/nats/nats.ts';
import type { EventOutput } from '../../engine/model/output.ts';
import { testNats } from './servers/nats.ts';

function alert(offset: number, state: 'firing' | 'resolved', quiet: boolean): EventOutput {
  const body = JSON.stringify({ offset, state });
  return {
    kind: 'event',
    id: `j.${offset}.hot.d1.${state}`,
    offset,
    subject: 'weir.alerts.critical.hot.d1',
    body,
    stream: 'WEIR_ALERTS',
    ...(quiet && { quiet }),
    kv: { bucket: 'weir_alerts_open', key: 'hot.d1', value: state === 'firing' ? body : null },
  };
}

test('a quiet event changes its KV entry and is not published', async () => {
  const server = await testNats();
  const sink = createNatsSink({ config: { servers: [server.url] } });
  onTestFinished(() => sink.close());
  await sink.open();
  const client = await connect({ servers: server.url });
  onTestFinished(() => client.close());
  const manager = await client.jetstreamManager();
  const open = await client.jetstream().views.kv('weir_alerts_open');
  const messages = async () => (await manager.streams.info('WEIR_ALERTS')).state.messages;
  await sink.publish(alert(1, 'firing', true));
  expect((await open.get('hot.d1'))?.json()).toEqual({ offset: 1, state: 'firing' });
  expect(await messages()).toBe(0);
  await sink.publish(alert(2, 'firing', false));
  expect((await open.get('hot.d1'))?.json()).toEqual({ offset: 2, state: 'firing' });
  expect(await messages()).toBe(1);
  await sink.publish(alert(3, 'resolved', true));
  expect((await open.get('hot.d1'))?.operation).toBe('DEL');
  expect(await messages()).toBe(1);
});
