import { describe, expect, it } from 'vitest';
import { DeliveryError } from '../../engine/ports.ts';
import { createDeliveryQueue, type DeliveryQueueOptions } from '../../engine/runtime/delivery-queue.ts';

/** A sink whose answers the test gives one by one. */
function createManualSink<T>() {
  const open: { resolve: () => void; reject: (error: Error) => void }[] = [];
  const sent: { item: T; resolve: () => void; reject: (error: Error) => void }[] = [];
  return {
    opened: open,
    sent,
    open: () => new Promise<void>((resolve, reject) => open.push({ resolve, reject })),
    send: (item: T) => new Promise<void>((resolve, reject) => sent.push({ item, resolve, reject })),
  };
}

/** Waits for a condition with turns of the event loop only. */
async function until(condition: () => boolean): Promise<void> {
  const deadlineAt = performance.now() + 5_000;
  while (!condition()) {
    if (performance.now() > deadlineAt) throw new Error('the condition did not become true within 5 s');
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
  const sink = createManualSink<Item>();
  const retries: string[] = [];
  const progress = { count: 0 };
  const queue = createDeliveryQueue<Item>({
    open: sink.open,
    send: sink.send,
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
  return { sink, queue, retries, progress };
}

const transient = () => new DeliveryError('transient', 'away');

describe('a delivery queue', () => {
  it('opens the sink first, with retries, and sends nothing before', async () => {
    const { sink, queue, retries, progress } = start();
    queue.push(item('a'));
    expect([queue.isOpen, queue.outbox.bytes, sink.sent.length]).toEqual([false, 100, 0]);
    sink.opened[0]!.reject(transient());
    await until(() => sink.opened.length === 2);
    expect(retries).toEqual(['transient 1 0']);
    expect([queue.isOpen, sink.sent.length]).toEqual([false, 0]);
    sink.opened[1]!.resolve();
    await until(() => sink.sent.length === 1);
    expect([queue.isOpen, progress.count]).toEqual([true, 1]);
    queue.stop();
  });

  it('sends items after the sink was opened in part, and opens it again until it succeeds', async () => {
    const { sink, queue } = start({
      isOpenInPart: (error) => error instanceof DeliveryError && error.class === 'fatal',
    });
    queue.push(item('a'));
    sink.opened[0]!.reject(transient());
    await until(() => sink.opened.length === 2);
    expect([queue.isOpen, sink.sent.length]).toEqual([false, 0]);
    sink.opened[1]!.reject(new DeliveryError('fatal', 'a table was changed'));
    await until(() => sink.opened.length === 3);
    await until(() => sink.sent.length === 1);
    expect(queue.isOpen).toBe(true);
    sink.opened[2]!.resolve();
    queue.stop();
  });

  it('counts the bytes of unconfirmed items, and reports every confirmation', async () => {
    const { sink, queue, progress } = start();
    sink.opened[0]!.resolve();
    for (const each of [item('a', 0, 10), item('b', 1, 20), item('c', 0, 40)]) queue.push(each);
    const { outbox } = queue;
    expect([outbox.bytes, outbox.position]).toEqual([70, 3]);
    await until(() => sink.sent.length === 2);
    // c waits for a, which is in the same lane.
    expect(sink.sent.map(({ item }) => item.name)).toEqual(['a', 'b']);
    sink.sent[1]!.resolve();
    await until(() => outbox.bytes === 50);
    expect([outbox.isConfirmed(0), outbox.isConfirmed(1)]).toEqual([true, false]);
    sink.sent[0]!.resolve();
    await until(() => sink.sent.length === 3);
    expect([outbox.bytes, outbox.isConfirmed(2), outbox.isConfirmed(3)]).toEqual([40, true, false]);
    sink.sent[2]!.resolve();
    await until(() => outbox.isConfirmed(3));
    expect([outbox.bytes, progress.count]).toEqual([0, 4]);
    queue.stop();
  });

  it('sends a failed item again, and still counts its bytes', async () => {
    const { sink, queue, retries } = start();
    sink.opened[0]!.resolve();
    queue.push(item('a'));
    for (let i = 0; i < 3; i++) {
      await until(() => sink.sent.length === i + 1);
      sink.sent[i]!.reject(transient());
    }
    await until(() => sink.sent.length === 4);
    expect([queue.outbox.bytes, retries]).toEqual([100, ['transient 1 0', 'transient 2 0', 'transient 3 0']]);
    sink.sent[3]!.resolve();
    await until(() => queue.outbox.bytes === 0);
    queue.stop();
  });

  it('makes no more attempts after it was stopped; unconfirmed items stay unconfirmed', async () => {
    const { sink, queue } = start();
    sink.opened[0]!.resolve();
    queue.push(item('a'));
    queue.push(item('b', 1));
    await until(() => sink.sent.length === 2);
    queue.stop();
    sink.sent[0]!.reject(transient());
    sink.sent[1]!.resolve();
    // Another queue does the same afterwards. When it is done, the stopped queue would have made its attempt, too.
    const other = start();
    other.sink.opened[0]!.resolve();
    other.queue.push(item('c'));
    await until(() => other.sink.sent.length === 1);
    other.sink.sent[0]!.reject(transient());
    await until(() => other.sink.sent.length === 2);
    other.queue.stop();
    expect(sink.sent).toHaveLength(2);
    expect(queue.outbox.bytes).toBe(200);
  });

  it('reports stuck items: at once after a fatal error, otherwise after several attempts', async () => {
    const { sink, queue } = start();
    sink.opened[0]!.resolve();
    for (const name of ['a', 'b']) queue.push(item(name, name === 'a' ? 0 : 1));
    await until(() => sink.sent.length === 2);
    expect(queue.stuck).toBeUndefined();
    sink.sent[0]!.reject(new DeliveryError('fatal', 'denied'));
    await until(() => sink.sent.length === 3);
    expect(queue.stuck).toMatchObject({ items: 1, error: { message: 'denied' } });
    sink.sent[1]!.reject(transient());
    for (let i = 3; i < 7; i++) {
      await until(() => sink.sent.length === i + 1);
      expect(queue.stuck).toMatchObject({ items: 1 });
      sink.sent[i]!.reject(transient());
    }
    await until(() => sink.sent.length === 8);
    expect(queue.stuck).toMatchObject({ items: 2, error: { message: 'denied' } });
    sink.sent[2]!.resolve();
    await until(() => queue.stuck?.error.message === 'away');
    sink.sent[7]!.resolve();
    await until(() => queue.stuck === undefined);
    queue.stop();
  });
});
