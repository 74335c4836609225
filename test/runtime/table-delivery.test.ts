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
  readonly bury?: (event: EventOutput) => Promise<void>;
}

/** The way of events to a sink of the test's own, without waits between tries. */
function start({ publish, bury = async () => undefined }: Ports) {
  const counters = createCounters();
  const lines: Record<string, unknown>[] = [];
  const destination = new Writable({
    write(line, _encoding, done) {
      lines.push(JSON.parse(String(line)));
      done();
    },
  });
  const clock = { ms: 0 };
  const outlet = createEventDelivery({
    config: setUp([]).config,
    eventSink: {
      open: async () => undefined,
      close: async () => undefined,
      status: () => ({ name: 'nats', ready: true }),
      publish,
    },
    repeatsFrom: undefined,
    bury,
    random: () => 0,
    clock: { steady: () => clock.ms },
    log: pino({ level: 'info' }, destination),
    counters,
    onProgress: () => undefined,
  });
  onTestFinished(() => outlet.stop());
  const delivered = (position: number) => vi.waitFor(() => expect(outlet.outbox.isConfirmed(position)).toBe(true));
  return { outlet, counters, lines, clock, delivered };
}

const refusal = () => new DeliveryError('bad-row', 'too large');

describe('the way of events', () => {
  it('tries shorter forms of an event that is refused, each once, and confirms the one that is taken', async () => {
    const sizes: number[] = [];
    const { outlet, counters, delivered } = start({
      publish: async ({ body }) => {
        sizes.push(body.length);
        if (body.length > 500) throw refusal();
      },
    });
    outlet.push(event('a', 1, 'x'.repeat(20_000)));
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

  it('confirms an event that is taken in no form once it is a dead letter, and no sooner; other keys go on', async () => {
    const buried: string[] = [];
    let isAway = true;
    const { outlet, counters, delivered } = start({
      publish: async ({ id }) => {
        if (id.endsWith('bad')) throw refusal();
      },
      bury: async ({ id, body }) => {
        if (isAway) throw new DeliveryError('transient', 'ClickHouse is away');
        buried.push(`${id} ${body.length}`);
      },
    });
    const bad = event('bad', 1, 'x'.repeat(5_000));
    for (const each of [bad, event('bad', 2), event('good', 3)]) outlet.push(each);
    await vi.waitFor(() => expect(counters).toMatchObject({ events_published: 1 }));
    await vi.waitFor(() => expect(outlet.stuck?.error.message).toBe('ClickHouse is away'));
    expect(outlet.outbox.isConfirmed(1)).toBe(false);
    expect(counters.events_dead_lettered).toBe(0);
    isAway = false;
    await delivered(3);
    expect(buried).toEqual([`${bad.id} ${bad.body.length}`, expect.stringContaining('j.2.bad')]);
    expect(counters).toMatchObject({ events_published: 1, events_dead_lettered: 2 });
    expect(outlet.stuck).toBeUndefined();
  });

  it('lets events go out while any number of refused ones wait for a sink of dead letters that does not answer', async () => {
    const { outlet, counters } = start({
      publish: async ({ id }) => {
        if (id.includes('bad')) throw refusal();
      },
      bury: () => new Promise(() => undefined),
    });
    for (let i = 0; i < 200; i++) outlet.push(event(`bad${i}`));
    for (let i = 0; i < 20; i++) outlet.push(event(`good${i}`));
    await vi.waitFor(() => expect(counters.events_published).toBe(20));
    expect(outlet.outbox.isConfirmed(1)).toBe(false);
  });

  it('logs a failure of many events once a minute, and another kind of failure at once; it counts them all', async () => {
    let failing: 'transient' | 'overload' | undefined = 'transient';
    const tried = new Set<string>();
    const { outlet, counters, lines, clock, delivered } = start({
      publish: async ({ id }) => {
        tried.add(id);
        if (failing !== undefined) throw new DeliveryError(failing, `it is ${failing}`);
      },
    });
    for (let i = 0; i < 50; i++) outlet.push(event(`k${i}`));
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
