import { Writable } from 'node:stream';
import pino from 'pino';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { cloudEvent } from '../../engine/delivery/cloud-event.ts';
import type { EventOutput } from '../../engine/model/output.ts';
import { DeliveryError } from '../../engine/ports.ts';
import { createEventDelivery } from '../../engine/runtime/event-delivery.ts';
import { createCounters } from '../../engine/telemetry.ts';
import { setUp } from '../pipeline/kit.ts';

const event = (key: string, offset = 1, text = 'x'): EventOutput => ({
  kind: 'event',
  id: `j.${offset}.${key}`,
  offset,
  subject: `weir.alerts.warning.hot.${key}`,
  body: cloudEvent({ id: `j.${offset}.${key}`, instance: 'w', type: 't', time: 0, data: { key, text } }),
  stream: 'WEIR_ALERTS',
});

interface Ports {
  readonly publish: (event: EventOutput) => Promise<void>;
  readonly insertUndeliverable?: (event: EventOutput) => Promise<void>;
}

/** Event delivery to a sink of the test, without waits between attempts. */
function start({ publish, insertUndeliverable = async () => undefined }: Ports) {
  const counters = createCounters();
  const lines: Record<string, unknown>[] = [];
  const destination = new Writable({
    write(line, _encoding, done) {
      lines.push(JSON.parse(String(line)));
      done();
    },
  });
  const clock = { ms: 0 };
  const queue = createEventDelivery({
    config: setUp([]).config,
    eventSink: {
      open: async () => undefined,
      close: async () => undefined,
      status: () => ({ name: 'nats', ready: true }),
      publish,
    },
    repeatsFrom: undefined,
    insertUndeliverable,
    random: () => 0,
    clock: { steady: () => clock.ms },
    log: pino({ level: 'info' }, destination),
    counters,
    onProgress: () => undefined,
  });
  onTestFinished(() => queue.stop());
  const delivered = (position: number) => vi.waitFor(() => expect(queue.outbox.isConfirmed(position)).toBe(true));
  return { queue, counters, lines, clock, delivered };
}

const refusal = () => new DeliveryError('bad-row', 'too large');

describe('event delivery', () => {
  it('tries shorter forms of a refused event, each once, until the sink accepts one', async () => {
    const sizes: number[] = [];
    const { queue, counters, delivered } = start({
      publish: async ({ body }) => {
        sizes.push(body.length);
        if (body.length > 500) throw refusal();
      },
    });
    queue.push(event('a', 1, 'x'.repeat(20_000)));
    await delivered(1);
    expect(sizes.length).toBeGreaterThan(2);
    expect(sizes).toEqual(sizes.toSorted((a, b) => b - a));
    expect(counters).toMatchObject({
      events_published: 1,
      events_shortened: 1,
      events_dead_lettered: 0,
      events_retried: 0,
    });
  });

  it('confirms an event that is refused in every form only once it is a dead letter; events of other keys continue', async () => {
    const deadLetters: string[] = [];
    let isAway = true;
    const { queue, counters, delivered } = start({
      publish: async ({ id }) => {
        if (id.endsWith('bad')) throw refusal();
      },
      insertUndeliverable: async ({ id, body }) => {
        if (isAway) throw new DeliveryError('transient', 'ClickHouse is away');
        deadLetters.push(`${id} ${body.length}`);
      },
    });
    const bad = event('bad', 1, 'x'.repeat(5_000));
    for (const each of [bad, event('bad', 2), event('good', 3)]) queue.push(each);
    await vi.waitFor(() => expect(counters).toMatchObject({ events_published: 1 }));
    await vi.waitFor(() => expect(queue.stuck?.error.message).toBe('ClickHouse is away'));
    expect(queue.outbox.isConfirmed(1)).toBe(false);
    expect(counters.events_dead_lettered).toBe(0);
    isAway = false;
    await delivered(3);
    expect(deadLetters).toEqual([`${bad.id} ${bad.body.length}`, expect.stringContaining('j.2.bad')]);
    expect(counters).toMatchObject({ events_published: 1, events_dead_lettered: 2 });
    expect(queue.stuck).toBeUndefined();
  });

  it('publishes events while many refused ones wait for the table of dead letters', async () => {
    const { queue, counters } = start({
      publish: async ({ id }) => {
        if (id.includes('bad')) throw refusal();
      },
      insertUndeliverable: () => new Promise(() => undefined),
    });
    for (let i = 0; i < 200; i++) queue.push(event(`bad${i}`));
    for (let i = 0; i < 20; i++) queue.push(event(`good${i}`));
    await vi.waitFor(() => expect(counters.events_published).toBe(20));
    expect(queue.outbox.isConfirmed(1)).toBe(false);
  });

  it('logs a failure of many events once a minute, and another kind of failure at once; it counts all of them', async () => {
    let failing: 'transient' | 'overload' | undefined = 'transient';
    const tried = new Set<string>();
    const { queue, counters, lines, clock, delivered } = start({
      publish: async ({ id }) => {
        tried.add(id);
        if (failing !== undefined) throw new DeliveryError(failing, `it is ${failing}`);
      },
    });
    for (let i = 0; i < 50; i++) queue.push(event(`k${i}`));
    await vi.waitFor(() => expect(counters.events_retried).toBeGreaterThan(100));
    expect(tried.size).toBe(50);
    expect(lines).toMatchObject([{ sink: 'nats', place: 'WEIR_ALERTS', class: 'transient' }]);
    failing = 'overload';
    await vi.waitFor(() => expect(lines).toHaveLength(2));
    failing = 'transient';
    clock.ms = 60_000;
    await vi.waitFor(() => expect(lines).toHaveLength(3));
    failing = undefined;
    await delivered(50);
    expect(lines.map((line) => line.class)).toEqual(['transient', 'overload', 'transient']);
  });
});
