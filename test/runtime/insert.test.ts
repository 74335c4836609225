import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cut } from '../../engine/delivery/batches.ts';
import { createRowEncoder } from '../../engine/delivery/row-binary.ts';
import type { Batch } from '../../engine/model/output.ts';
import type { Table } from '../../engine/model/table.ts';
import { DeliveryError, type DeliveryErrorClass, type TableSink } from '../../engine/ports.ts';
import { insertBatch } from '../../engine/runtime/insert.ts';

const TABLE: Table = { name: 't', columns: [{ name: 'n', type: 'UInt64' }], orderBy: ['n'] };

/** A batch of these numbers, a row each; the journal offset of a row is ten times its number. */
function batchOf(numbers: readonly number[]): Batch {
  const encoder = createRowEncoder(TABLE);
  for (const n of numbers) encoder.encodeRow([n], n * 10);
  return cut({ table: TABLE, encoder, openedAt: 0 });
}

const numbersOf = (batch: Batch): number[] =>
  Array.from({ length: batch.rows }, (_, i) => Number(Buffer.from(batch.bytes).readBigUInt64LE(i * 8)));

/** How an insert fails; `lost`: the rows are in, but the answer does not arrive. */
type Failure = DeliveryErrorClass | 'lost' | undefined;

/** A table that deduplicates by token, as ClickHouse does, and fails as the test wants. */
function createTable(fail: (numbers: readonly number[], turn: number) => Failure) {
  const rows: number[] = [];
  const tokens: string[] = [];
  const asked: { readonly numbers: readonly number[]; readonly token: string }[] = [];
  const sink: Pick<TableSink, 'insert'> = {
    insert: async (batch, token) => {
      const numbers = numbersOf(batch);
      asked.push({ numbers, token });
      const failure = fail(numbers, asked.length);
      // As the port promises: these classes mean that no row is in the table.
      const refused = failure === 'overload' || failure === 'bad-row';
      if (refused && tokens.includes(token)) throw new DeliveryError('transient', 'some of the rows may be in');
      if (failure !== undefined && failure !== 'lost') throw new DeliveryError(failure, failure);
      if (!tokens.includes(token)) rows.push(...numbers);
      tokens.push(token);
      if (failure === 'lost') throw new DeliveryError('transient', 'timeout');
    },
  };
  return { rows, asked, sink: sink as TableSink };
}

function insert(batch: Batch, sink: TableSink): Promise<number[]> {
  const dead: number[] = [];
  const onRefusedRow = async (row: Batch) => {
    expect(row.rows).toBe(1);
    expect(row.fromOffset).toBe(numbersOf(row)[0]! * 10);
    dead.push(...numbersOf(row));
  };
  return insertBatch(batch, { sink, journalId: 'j0', onRefusedRow }).then(() => dead);
}

const range = (count: number) => Array.from({ length: count }, (_, i) => i);

describe('a batch', () => {
  it('is inserted whole, with a token of its content', async () => {
    const { rows, asked, sink } = createTable(() => undefined);
    const batch = batchOf([3, 4, 5]);
    expect(await insert(batch, sink)).toEqual([]);
    expect(rows).toEqual([3, 4, 5]);
    expect(asked.map(({ token }) => token)).toEqual([expect.stringMatching(/^j0:t:30-50:3:[0-9a-f]{16}$/)]);
    await insert(batchOf([3, 4, 5]), sink);
    expect(asked[1]!.token).toBe(asked[0]!.token);
    await insert(batchOf([3, 4, 6]), sink);
    await insert({ ...batch, table: 'u' }, sink);
    expect(new Set(asked.map(({ token }) => token)).size).toBe(3);
    // The duplicate added nothing.
    expect(rows).toEqual([3, 4, 5, 3, 4, 6, 3, 4, 5]);
  });

  it('loses exactly the rows that the server refuses, and keeps the order of the others', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 60 }), fc.array(fc.nat(59)), async (count, refused) => {
        const bad = new Set(refused.filter((n) => n < count));
        const { rows, asked, sink } = createTable((numbers) =>
          numbers.some((n) => bad.has(n)) ? 'bad-row' : undefined,
        );
        expect(await insert(batchOf(range(count)), sink)).toEqual([...bad].sort((a, b) => a - b));
        expect(rows).toEqual(range(count).filter((n) => !bad.has(n)));
        expect(asked.length).toBeLessThanOrEqual(1 + bad.size * 2 * Math.ceil(Math.log2(count) + 1));
      }),
    );
  });

  it('is halved while the server is overloaded, down to the smallest useful size', async () => {
    const { rows, asked, sink } = createTable((numbers) => (numbers.length > 600 ? 'overload' : undefined));
    await insert(batchOf(range(2_000)), sink);
    expect(rows).toEqual(range(2_000));
    expect(asked.map(({ numbers }) => numbers.length)).toEqual([2_000, 1_000, 500, 500, 1_000, 500, 500]);
    const busy = createTable(() => 'overload');
    await expect(insert(batchOf(range(2_000)), busy.sink)).rejects.toMatchObject({ class: 'overload' });
    expect(busy.asked.map(({ numbers }) => numbers.length)).toEqual([2_000, 1_000, 500]);
  });

  it.each<DeliveryErrorClass>(['transient', 'fatal'])('is not split by an error that is %s', async (errorClass) => {
    const { asked, sink } = createTable(() => errorClass);
    await expect(insert(batchOf(range(900)), sink)).rejects.toMatchObject({ class: errorClass });
    expect(asked).toHaveLength(1);
  });

  it('rejects with any other error unchanged: it is a bug of the sink', async () => {
    const sink = { insert: () => Promise.reject(new TypeError('bug')) } as unknown as TableSink;
    await expect(insert(batchOf([1, 2]), sink)).rejects.toThrow(TypeError);
  });

  it('is in the table exactly once at the end, after any failures', async () => {
    const failures = fc.array(fc.constantFrom<Failure>(undefined, undefined, 'transient', 'lost', 'overload'), {
      maxLength: 25,
      size: 'max',
    });
    await fc.assert(
      fc.asyncProperty(failures, fc.subarray([5, 700, 1_999]), async (failures, refused) => {
        const { rows, sink } = createTable((numbers, turn) => {
          const refuses = numbers.some((n) => refused.includes(n));
          const random = failures[turn - 1];
          // Rows that the server refuses never get in.
          if (random === 'lost' && refuses) return 'transient';
          return random ?? (refuses ? 'bad-row' : undefined);
        });
        const batch = batchOf(range(2_000));
        const dead = new Set<number>();
        for (let tries = 0; tries <= failures.length; tries++) {
          const onRefusedRow = async (row: Batch) => void dead.add(numbersOf(row)[0]!);
          const done = await insertBatch(batch, { sink, journalId: 'j0', onRefusedRow }).then(
            () => true,
            () => false,
          );
          if (done) break;
        }
        expect(rows).toHaveLength(2_000 - refused.length);
        expect(rows.sort((a, b) => a - b)).toEqual(range(2_000).filter((n) => !refused.includes(n)));
        expect([...dead].sort((a, b) => a - b)).toEqual(refused);
      }),
      { numRuns: 40 },
    );
  });
});
