import { type BatchLimits, cut, isComplete, type OpenBatch } from '../delivery/batches.ts';
import { createFollower, printOf, type RangeFollower, type SentRange } from '../delivery/ranges.ts';
import { createReadingEncoder, createRowEncoder } from '../delivery/row-binary.ts';
import { alertRow, deadLetterRow, deviceRow, factsRow, gapRow } from '../delivery/rows.ts';
import { ALERTS, DEAD_LETTERS, DEVICES, FACTS, GAPS, streamTable } from '../delivery/tables.ts';
import type { Item } from '../model/item/item.ts';
import type { Plan } from '../model/plan/plan.ts';
import { viewOf } from '../model/plan/rule-plan.ts';
import type { Reading } from '../model/reading.ts';
import type { Table } from '../model/table.ts';
import { lift } from './lift.ts';

/** The open batches of a table. */
interface Open<E extends Encoder = Encoder> {
  readonly free: OpenBatch & { readonly encoder: E };
  /** Rows that an earlier run has sent, each in its batch again; such a batch is cut where it was, by no limit. */
  readonly again: Map<SentRange, OpenBatch & { readonly encoder: E }>;
  readonly follower: RangeFollower;
  /** For one row, to see its bytes; made where it is wanted. */
  trial?: E;
  readonly begin: (at: number, range?: SentRange) => OpenBatch & { readonly encoder: E };
}

type Encoder = OpenBatch['encoder'];

function opened<E extends Encoder>(table: Table, earlier: readonly SentRange[], createEncoder: () => E): Open<E> {
  const follower = createFollower(earlier.filter((range) => range.table === table.name));
  const begin = (openedAt: number, range?: SentRange) => ({ table, encoder: createEncoder(), openedAt, range });
  return { free: begin(0), again: new Map(), follower, begin };
}

/**
 * Encodes readings, what views say, changes of alerts and devices, gaps and rejections as rows, and cuts them into batches. Only batches and events leave
 * it. Its open batches are the one part of the fold that no snapshot holds: a `cut` mark empties them first. Rows of `earlier` ranges are
 * cut as they were, whatever the limits and columns are by now.
 */
export const batch = (plan: Plan, limits: BatchLimits, earlier: readonly SentRange[] = []) => {
  const openReadings = (table: Table) => opened(table, earlier, () => createReadingEncoder(table));
  const openRows = (table: Table) => opened(table, earlier, () => createRowEncoder(table));
  const readings = plan.streams
    .filter(({ origin }) => origin.kind === 'devices')
    .map((stream) => openReadings(streamTable(stream.config)));
  const alerts = openRows(ALERTS);
  const devices = openRows(DEVICES);
  const deadLetters = openRows(DEAD_LETTERS);
  const facts = openRows(FACTS);
  const gaps = openRows(GAPS);
  const open: readonly Open[] = [...readings, alerts, devices, deadLetters, facts, gaps];

  const cutFree = ({ free }: Open, at: number, out: Item[]): void => {
    if (isComplete(free, limits, at)) out.push(cut(free));
  };
  const cutAgain = ({ again }: Open, range: SentRange, out: Item[]): void => {
    const made = cut(again.get(range)!);
    again.delete(range);
    if (range.dead !== true) out.push(made);
  };

  /** The batch that a row of an earlier run goes into again. */
  const findAgain = <E extends Encoder>(each: Open<E>, offset: number, at: number, encode: (encoder: E) => void) => {
    const { follower, again, free, begin } = each;
    if (!follower.isNear(offset)) return undefined;
    each.trial ??= begin(at).encoder;
    const { trial } = each;
    encode(trial);
    const range = follower.take(offset, printOf({ table: free.table.name, ...trial.take() }, 0));
    if (range === undefined) return undefined;
    const batch = again.get(range) ?? begin(at, range);
    again.set(range, batch);
    return batch;
  };

  /** The batch that a row goes into, with room for it. */
  const makeRoom = <E extends Encoder>(
    each: Open<E>,
    offset: number,
    at: number,
    encode: (encoder: E) => void,
    out: Item[],
  ) => {
    const { free } = each;
    const again = findAgain(each, offset, at, encode);
    if (again !== undefined) return again;
    cutFree(each, at, out);
    if (free.encoder.rows === 0) free.openedAt = at;
    return free;
  };

  const add = <E extends Encoder>(
    each: Open<E>,
    offset: number,
    at: number,
    encode: (encoder: E) => void,
    out: Item[],
  ): void => {
    const { encoder, range } = makeRoom(each, offset, at, encode, out);
    encode(encoder);
    // A batch that is full does not wait for the next row.
    if (range === undefined) cutFree(each, at, out);
    else if (each.follower.isEmpty(range)) cutAgain(each, range, out);
  };

  const addReading = (reading: Reading, at: number, out: Item[]): void => {
    const own = readings[reading.stream];
    // Of a derived stream: what it was made of is stored already.
    if (own === undefined) return;
    add(own, reading.offset, at, (encoder) => encoder.encodeReading(reading), out);
  };

  const addRow = (each: OpenRows, row: readonly unknown[], offset: number, at: number, out: Item[]): void =>
    add(each, offset, at, (encoder) => encoder.encodeRow(row, offset), out);

  const onTick = (offset: number, at: number, out: Item[]): void => {
    for (const each of open) {
      for (const range of each.again.keys()) if (range.to < offset) cutAgain(each, range, out);
      cutFree(each, at, out);
    }
  };

  const onCut = (out: Item[]): void => {
    for (const each of open) {
      for (const range of each.again.keys()) cutAgain(each, range, out);
      if (each.free.encoder.rows > 0) out.push(cut(each.free));
    }
  };

  return lift((item, out) => {
    switch (item.kind) {
      case 'reading':
        return addReading(item, item.receivedAt, out);
      case 'stored': {
        const { made, at } = item;
        if (made.kind === 'reading') addReading(made, at, out);
        else addRow(deadLetters, deadLetterRow(made, plan), made.offset, at, out);
        return;
      }
      case 'viewed': {
        const rule = plan.rules[item.rule]!;
        return addRow(facts, factsRow(item, rule, viewOf(rule).names), item.offset, item.receivedAt, out);
      }
      case 'transition':
        return addRow(alerts, alertRow(item, plan), item.offset, item.recordedAt, out);
      case 'device':
        return addRow(devices, deviceRow(item, plan), item.offset, item.at, out);
      case 'gap':
        return addRow(gaps, gapRow(item), item.offset, item.at, out);
      case 'rejected':
        return addRow(deadLetters, deadLetterRow(item, plan), item.offset, item.at, out);
      case 'tick':
        return onTick(item.offset, item.at, out);
      case 'mark':
        if (item.mark === 'cut') onCut(out);
        return;
      case 'event':
        out.push(item);
    }
  });
};

type OpenRows = Open<ReturnType<typeof createRowEncoder>>;
