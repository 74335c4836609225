import { type BatchLimits, cut, isComplete, type OpenBatch } from '../delivery/batches.ts';
import { createFollower, type RangeFollower, type SentRange } from '../delivery/ranges.ts';
import { createReadingEncoder, createRowEncoder } from '../delivery/row-binary.ts';
import { alertRow, deadLetterRow, deviceRow, factsRow, gapRow } from '../delivery/rows.ts';
import { ALERTS, DEAD_LETTERS, DEVICES, FACTS, GAPS, streamTable } from '../delivery/tables.ts';
import type { Item } from '../model/item.ts';
import { type Plan, viewOf } from '../model/plan.ts';
import type { Reading } from '../model/reading.ts';
import type { Table } from '../model/table.ts';
import { lift } from './lift.ts';

/** What was received long ago has no age as a row: a batch that it opens leaves with the next tick. */
const LONG_AGO = Number.NEGATIVE_INFINITY;

/** The open batch of a table. */
interface Open<E extends OpenBatch['encoder'] = OpenBatch['encoder']> extends OpenBatch {
  readonly encoder: E;
  readonly follower: RangeFollower;
}

/**
 * Encodes readings, what views say, changes of alerts and devices, gaps and rejections as rows, and cuts them into batches. Only batches and events leave
 * it. Its open batches are the one part of the fold that no snapshot holds: a `cut` mark empties them first. Rows of `earlier` ranges are
 * cut as they were, whatever the limits and columns are by now.
 */
export const batch = (plan: Plan, limits: BatchLimits, earlier: readonly SentRange[] = []) => {
  const open: Open[] = [];
  const opened = <E extends OpenBatch['encoder']>(table: Table, encoder: E): Open<E> => {
    const follower = createFollower(earlier.filter((range) => range.table === table.name));
    const each = { table, encoder, openedAt: 0, fromIndex: 0, range: undefined, follower };
    open.push(each);
    return each;
  };
  const openReadings = (table: Table) => opened(table, createReadingEncoder(table));
  const openRows = (table: Table) => opened(table, createRowEncoder(table));
  const readings = plan.streams
    .filter(({ origin }) => origin.kind === 'devices')
    .map((stream) => openReadings(streamTable(stream.config)));
  const alerts = openRows(ALERTS);
  const devices = openRows(DEVICES);
  const deadLetters = openRows(DEAD_LETTERS);
  const facts = openRows(FACTS);
  const gaps = openRows(GAPS);

  const release = (each: Open, out: Item[]): void => {
    const made = cut(each);
    if (each.range !== undefined) each.follower.pass(each.range);
    if (each.range?.dead !== true) out.push(made);
  };
  const isDue = (each: Open, at: number): boolean => each.range === undefined && isComplete(each, limits, at);

  const makeRoom = (each: Open, offset: number, at: number, out: Item[]): void => {
    const range = each.follower.next(offset);
    if (each.encoder.rows > 0 && (range !== each.range || isDue(each, at))) release(each, out);
    if (each.encoder.rows > 0) return;
    each.openedAt = at;
    each.fromIndex = each.follower.index;
    each.range = range;
  };

  /** A batch that is full does not wait for the next row. */
  const cutFull = (each: Open, at: number, out: Item[]): void => {
    if (each.range === undefined ? isDue(each, at) : each.follower.isLast(each.range)) release(each, out);
  };

  const addReading = (reading: Reading, at: number, out: Item[]): void => {
    const own = readings[reading.stream];
    // Of a derived stream: what it was made of is stored already.
    if (own === undefined) return;
    makeRoom(own, reading.offset, at, out);
    own.encoder.encodeReading(reading);
    cutFull(own, at, out);
  };

  const addRow = (each: OpenRows, row: readonly unknown[], offset: number, at: number, out: Item[]): void => {
    makeRoom(each, offset, at, out);
    each.encoder.encodeRow(row, offset);
    cutFull(each, at, out);
  };

  const onTick = (offset: number, at: number, out: Item[]): void => {
    for (const each of open) {
      const isPassed = each.encoder.rows > 0 && each.range !== undefined && each.range.to.offset < offset;
      if (isPassed || isDue(each, at)) release(each, out);
    }
  };

  return lift((item, out) => {
    switch (item.kind) {
      case 'reading':
        return addReading(item, item.receivedAt, out);
      case 'stored': {
        const { made } = item;
        if (made.kind === 'reading') addReading(made, LONG_AGO, out);
        else addRow(deadLetters, deadLetterRow(made, plan), made.offset, LONG_AGO, out);
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
        if (item.mark !== 'cut') return;
        for (const each of open) if (each.encoder.rows > 0) release(each, out);
        return;
      case 'event':
        out.push(item);
    }
  });
};

type OpenRows = Open<ReturnType<typeof createRowEncoder>>;
