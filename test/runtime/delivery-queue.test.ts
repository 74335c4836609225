import { describe, expect, it } from 'vitest';
import { DeliveryError } from '../../engine/ports.ts';
import { createDeliveryQueue, type DeliveryQueueOptions } from '../../engine/runtime/delivery-queue.ts';

/** A sink whose every answer the test gives by hand. */
function createHand<T>() {
  const open: { resolve: () => void; reject: (error: Error) => void }[] = [];
  const sent: { item: T; resolve: () => void; reject: (error: Error) => void }[] = [];
  return {
    opened: open,
    sent,
    open: () => new Promise<void>((resolve, reject) => open.push({ resolve, reject })),
    send: (item: T) => new Promise<void>((resolve, reject) => sent.push({ item, resolve, reject })),
  };
}

/** Waits, without any time passing by the clock, until something is so. */
async function until(condition: () => boolean): Promise<void> {
  const deadlineAt = performance.now() + 5_000;
  while (!condition()) {
    if (performance.now() > deadlineAt) throw new Error('it never came to be');
    await new Promise((resolve) => setImmediate(resolve));
  }
}

interface Item {
  readonly name: string;
  readonly lane: number;
  readonly bytes: number;
}

const item = (name: string, lane = 0, bytes = 100): Item => ({ name, lane, bytes });

function start(options: Partial<DeliveryQueueOptions<Item>> = {}) {
  const hand = createHand<Item>();
  const retries: string[] = [];
  const progress = { count: 0 };
  const outlet = createDeliveryQueue<Item>({
    open: hand.open,
    send: hand.send,
    lane: ({ lane }) => lane,
    bytesOf: ({ bytes }) => bytes,
    // No wait at all.
    random: () => 0,
    onRetry: (error, _item, attempt, waitMs) => retries.push(`${error.class} ${attempt} ${waitMs}`),
    onProgress: () => {
      progress.count += 1;
    },
    ...options,
  });
  return { hand, outlet, retries, progress };
}

const transient = () => new DeliveryError('transient', 'away');

describe('an outlet', () => {
  it('opens the sink first, for as long as it takes, and sends nothing before', async () => {
    const { hand, outlet, retries, progress } = start();
    outlet.push(item('a'));
    expect([outlet.isOpen, outlet.outbox.bytes, hand.sent.length]).toEqual([false, 100, 0]);
    hand.opened[0]!.reject(transient());
    await until(() => hand.opened.length === 2);
    expect(retries).toEqual(['transient 1 0']);
    expect([outlet.isOpen, hand.sent.length]).toEqual([false, 0]);
    hand.opened[1]!.resolve();
    await until(() => hand.sent.length === 1);
    expect([outlet.isOpen, progress.count]).toEqual([true, 1]);
    outlet.stop();
  });

  it('sends what an opening lets through that failed only in part, and opens again until it succeeds', async () => {
    const { hand, outlet } = start({
      isOpenInPart: (error) => error instanceof DeliveryError && error.class === 'fatal',
    });
    outlet.push(item('a'));
    hand.opened[0]!.reject(transient());
    await until(() => hand.opened.length === 2);
    expect([outlet.isOpen, hand.sent.length]).toEqual([false, 0]);
    hand.opened[1]!.reject(new DeliveryError('fatal', 'a table was changed'));
    await until(() => hand.opened.length === 3);
    await until(() => hand.sent.length === 1);
    expect(outlet.isOpen).toBe(true);
    hand.opened[2]!.resolve();
    outlet.stop();
  });

  it('counts what waits until it is confirmed, and tells of every confirmation', async () => {
    const { hand, outlet, progress } = start();
    hand.opened[0]!.resolve();
    for (const each of [item('a', 0, 10), item('b', 1, 20), item('c', 0, 40)]) outlet.push(each);
    const { outbox } = outlet;
    expect([outbox.bytes, outbox.position]).toEqual([70, 3]);
    await until(() => hand.sent.length === 2);
    // c waits behind a, in the same lane.
    expect(hand.sent.map(({ item }) => item.name)).toEqual(['a', 'b']);
    hand.sent[1]!.resolve();
    await until(() => outbox.bytes === 50);
    expect([outbox.isConfirmed(0), outbox.isConfirmed(1)]).toEqual([true, false]);
    hand.sent[0]!.resolve();
    await until(() => hand.sent.length === 3);
    expect([outbox.bytes, outbox.isConfirmed(2), outbox.isConfirmed(3)]).toEqual([40, true, false]);
    hand.sent[2]!.resolve();
    await until(() => outbox.isConfirmed(3));
    expect([outbox.bytes, progress.count]).toEqual([0, 4]);
    outlet.stop();
  });

  it('sends again what failed, and keeps it counted', async () => {
    const { hand, outlet, retries } = start();
    hand.opened[0]!.resolve();
    outlet.push(item('a'));
    for (let i = 0; i < 3; i++) {
      await until(() => hand.sent.length === i + 1);
      hand.sent[i]!.reject(transient());
    }
    await until(() => hand.sent.length === 4);
    expect([outlet.outbox.bytes, retries]).toEqual([100, ['transient 1 0', 'transient 2 0', 'transient 3 0']]);
    hand.sent[3]!.resolve();
    await until(() => outlet.outbox.bytes === 0);
    outlet.stop();
  });

  it('tries nothing more once it is stopped, and what was not confirmed stays so', async () => {
    const { hand, outlet } = start();
    hand.opened[0]!.resolve();
    outlet.push(item('a'));
    outlet.push(item('b', 1));
    await until(() => hand.sent.length === 2);
    outlet.stop();
    hand.sent[0]!.reject(transient());
    hand.sent[1]!.resolve();
    // Another outlet has done the same, later, by now: whatever this one were to do has happened.
    const other = start();
    other.hand.opened[0]!.resolve();
    other.outlet.push(item('c'));
    await until(() => other.hand.sent.length === 1);
    other.hand.sent[0]!.reject(transient());
    await until(() => other.hand.sent.length === 2);
    other.outlet.stop();
    expect(hand.sent).toHaveLength(2);
    expect(outlet.outbox.bytes).toBe(200);
  });

  it('says what is stuck: at once what somebody must change, after some tries whatever fails', async () => {
    const { hand, outlet } = start();
    hand.opened[0]!.resolve();
    for (const name of ['a', 'b']) outlet.push(item(name, name === 'a' ? 0 : 1));
    await until(() => hand.sent.length === 2);
    expect(outlet.stuck).toBeUndefined();
    hand.sent[0]!.reject(new DeliveryError('fatal', 'denied'));
    await until(() => hand.sent.length === 3);
    expect(outlet.stuck).toMatchObject({ items: 1, error: { message: 'denied' } });
    hand.sent[1]!.reject(transient());
    for (let i = 3; i < 7; i++) {
      await until(() => hand.sent.length === i + 1);
      expect(outlet.stuck).toMatchObject({ items: 1 });
      hand.sent[i]!.reject(transient());
    }
    await until(() => hand.sent.length === 8);
    expect(outlet.stuck).toMatchObject({ items: 2, error: { message: 'denied' } });
    hand.sent[2]!.resolve();
    await until(() => outlet.stuck?.error.message === 'away');
    hand.sent[7]!.resolve();
    await until(() => outlet.stuck === undefined);
    outlet.stop();
  });
});
