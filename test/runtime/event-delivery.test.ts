import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pino from 'pino';
import { expect, it, onTestFinished, vi } from 'vitest';
import type { EventOutput } from '../../engine/model/output.ts';
import { DeliveryError } from '../../engine/ports.ts';
import { createEventDelivery } from '../../engine/runtime/event-delivery.ts';
import { createCounters } from '../../engine/telemetry.ts';
import { setUp } from '../pipeline/kit.ts';

const KEYS = 7;
const OUTBOX_BYTES = 4 * 1024 * 1024;

function eventOf(offset: number): EventOutput {
  const key = `press-${offset % KEYS}`;
  const body = JSON.stringify({ offset, text: 'x'.repeat(1_000) });
  return {
    kind: 'event',
    id: `j.${offset}`,
    offset,
    subject: `weir.alerts.warning.hot.${key}`,
    body,
    stream: 'WEIR_ALERTS',
    ...(offset % 3 > 0 && {
      kv: { bucket: 'weir_alerts_open', key: `hot.${key}`, value: offset % 3 === 1 ? body : null },
    }),
  };
}

/** Delivery to a sink that rejects everything until `accept` is called; it keeps what it has accepted. */
function start(onPublish: (event: EventOutput) => void = () => undefined) {
  const data = mkdtempSync(join(tmpdir(), 'weir-events-'));
  onTestFinished(() => rmSync(data, { recursive: true, force: true }));
  const published: EventOutput[] = [];
  let accepts = false;
  const { config } = setUp([]);
  const delivery = createEventDelivery({
    config: { ...config, data, nats: { ...config.nats, outboxBytes: OUTBOX_BYTES } },
    eventSink: {
      open: async () => undefined,
      publish: async (event) => {
        if (!accepts) throw new DeliveryError('transient', 'away');
        onPublish(event);
        published.push(event);
      },
      status: () => ({ name: 'nats', ready: true }),
      close: async () => undefined,
    },
    repeatsFrom: undefined,
    insertUndeliverable: async () => undefined,
    random: () => 0,
    clock: { steady: () => performance.now() },
    log: pino({ level: 'silent' }),
    counters: createCounters(),
    onProgress: () => undefined,
  });
  onTestFinished(() => delivery.stop());
  const folder = join(data, 'spill-events');
  return {
    delivery,
    published,
    accept: () => {
      accepts = true;
    },
    files: () => (existsSync(folder) ? readdirSync(folder).length : 0),
  };
}

it('keeps events on the disk that NATS does not accept yet, and then publishes each once, in the order of its key', async () => {
  const { delivery, published, accept, files } = start();
  const events = Array.from({ length: 10_000 }, (_, offset) => eventOf(offset));
  for (let i = 0; i < events.length; i += 500) {
    for (const event of events.slice(i, i + 500)) delivery.push(event);
    await vi.waitFor(() => expect(delivery.outbox.bytes).toBeLessThan(OUTBOX_BYTES * 0.9), { timeout: 20_000 });
  }
  const { position } = delivery.outbox;
  expect(delivery.spilledBytes).toBeGreaterThan(1.5 * OUTBOX_BYTES);
  expect(files()).toBeGreaterThan(5);
  expect(delivery.outbox.isConfirmed(position)).toBe(false);

  accept();
  await vi.waitFor(() => expect(delivery.outbox.isConfirmed(position)).toBe(true), { timeout: 20_000 });
  expect(published).toHaveLength(events.length);
  for (let key = 0; key < KEYS; key++) {
    const ofKey = (all: readonly EventOutput[]) => all.filter(({ offset }) => offset % KEYS === key);
    // Without a KV entry, the lane of an event is its subject; with one, it is that entry.
    const [own, kept] = [ofKey(published), ofKey(events)];
    expect(own.filter(({ kv }) => kv !== undefined)).toEqual(kept.filter(({ kv }) => kv !== undefined));
    expect(own.filter(({ kv }) => kv === undefined)).toEqual(kept.filter(({ kv }) => kv === undefined));
  }
  await vi.waitFor(() => expect([delivery.outbox.bytes, delivery.spilledBytes, files()]).toEqual([0, 0, 0]));
});

it('confirms no position before the events on the disk are published', async () => {
  let middle = Number.POSITIVE_INFINITY;
  const early: number[] = [];
  const { delivery, published, accept } = start(({ offset }) => {
    if (offset < 3_000 && delivery.outbox.isConfirmed(middle)) early.push(offset);
  });
  for (let offset = 0; offset < 3_000; offset++) delivery.push(eventOf(offset));
  middle = delivery.outbox.position;
  for (let offset = 3_000; offset < 6_000; offset++) delivery.push(eventOf(offset));
  accept();
  await vi.waitFor(() => expect(published).toHaveLength(6_000), { timeout: 20_000 });
  expect(early).toEqual([]);
  await vi.waitFor(() => expect(delivery.outbox.isConfirmed(middle)).toBe(true));
});
