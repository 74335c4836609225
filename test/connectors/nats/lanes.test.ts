import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createLanes } from '../../../connectors/nats/lanes.ts';
import { DeliveryError, type DeliveryErrorClass } from '../../../engine/ports.ts';

const fail = (errorClass: DeliveryErrorClass) => () => Promise.reject(new DeliveryError(errorClass, 'no'));
const done = () => Promise.resolve();

describe('a lane', () => {
  test('runs one at a time, while another lane overtakes', async () => {
    const lanes = createLanes();
    const log: string[] = [];
    let release = (): void => undefined;
    const gate = new Promise<void>((open) => {
      release = open;
    });
    const note = (id: string) => async () => void log.push(id);
    const first = lanes.run('a', '1', async () => {
      await gate;
      log.push('1');
    });
    const second = lanes.run('a', '2', note('2'));
    await lanes.run('b', '3', note('3'));
    expect(log).toEqual(['3']);
    release();
    await Promise.all([first, second]);
    expect(log).toEqual(['3', '1', '2']);
  });

  test.each(['transient', 'overload'] as const)(
    'holds back what follows a %s failure, until its retry',
    async (kind) => {
      const lanes = createLanes();
      await expect(lanes.run('a', '1', fail(kind))).rejects.toMatchObject({ class: kind, message: 'no' });
      for (const id of ['2', '3', '2']) {
        await expect(lanes.run('a', id, done)).rejects.toMatchObject({ class: 'transient', code: 'OUT_OF_ORDER' });
      }
      await lanes.run('b', '9', done);
      await expect(lanes.run('a', '1', fail(kind))).rejects.toMatchObject({ message: 'no' });
      await lanes.run('a', '1', done);
      await expect(lanes.run('a', '3', done)).rejects.toMatchObject({ code: 'OUT_OF_ORDER' });
      await lanes.run('a', '2', done);
      await lanes.run('a', '3', done);
      await lanes.run('a', '4', done);
    },
  );

  test.each(['bad-row', 'fatal'] as const)('goes on after a %s failure, which nobody tries again', async (kind) => {
    const lanes = createLanes();
    await expect(lanes.run('a', '1', fail(kind))).rejects.toMatchObject({ class: kind });
    await lanes.run('a', '2', done);
    await expect(lanes.run('a', '3', fail('transient'))).rejects.toMatchObject({ class: 'transient' });
    await expect(lanes.run('a', '3', fail(kind))).rejects.toMatchObject({ class: kind });
    await lanes.run('a', '4', done);
  });

  test('delivers in order of the first call, whatever fails and whoever is tried again first', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 8 }),
        fc.infiniteStream(fc.boolean()),
        fc.infiniteStream(fc.nat()),
        async (count, outcomes, choices) => {
          const lanes = createLanes();
          const delivered: number[] = [];
          const attempt = (id: number) =>
            lanes
              .run('a', String(id), async () => {
                if (delivered.length < count && outcomes.next().value) throw new DeliveryError('transient', 'no');
                delivered.push(id);
              })
              .then(
                () => [],
                () => [id],
              );
          let open = (await Promise.all(Array.from({ length: count }, (_, id) => attempt(id)))).flat();
          for (let round = 0; open.length > 0 && round < 10_000; round++) {
            const id = open[(choices.next().value as number) % open.length] as number;
            open = [...open.filter((other) => other !== id), ...(await attempt(id))];
          }
          expect(delivered).toEqual(Array.from({ length: count }, (_, id) => id));
        },
      ),
      { numRuns: 50 },
    );
  });
});
