import { type BatchLimits, cut, isComplete, type OpenBatch } from '../delivery/batches.ts';
import { createReadingEncoder, createRowEncoder } from '../delivery/row-binary.ts';
import { alertRow, deadLetterRow, deviceRow, factsRow, gapRow } from '../delivery/rows.ts';
import { ALERTS, DEAD_LETTERS, DEVICES, FACTS, GAPS, streamTable } from '../delivery/tables.ts';
import type { Item } from '../model/item.ts';
import { type Plan, viewOf } from '../model/plan.ts';
import type { Reading } from '../model/reading.ts';
import type { Table } from '../model/table.ts';
import { lift } from './lift.ts';

/**
 * Encodes readings, what views say, changes of alerts and devices, gaps and rejections as rows, and cuts them into batches. Only batches and events leave
 * it. Its open batches are the one part of the fold that no snapshot holds: a `cut` mark empties them first.
 */
export const batch = (plan: Plan, limits: BatchLimits) => {
  const readings = plan.streams
    .filter(({ origin }) => origin.kind === 'devices')
    .map((stream) => openReadings(streamTable(stream.config)));
  const alerts = openRows(ALERTS);
  const devices = openRows(DEVICES);
  const deadLetters = openRows(DEAD_LETTERS);
  const facts = openRows(FACTS);
  const gaps = openRows(GAPS);
  const open: readonly OpenBatch[] = [...readings, alerts, devices, deadLetters, facts, gaps];

  const cutWhere = (due: (each: OpenBatch) => boolean, out: Item[]): void => {
    for (const each of open) if (due(each)) out.push(cut(each));
  };
  const makeRoom = (each: OpenBatch, at: number, out: Item[]): void => {
    if (isComplete(each, limits, at)) out.push(cut(each));
    if (each.encoder.rows === 0) each.openedAt = at;
  };

  /** A batch that is full does not wait for the next row. */
  const cutFull = (each: OpenBatch, at: number, out: Item[]): void => {
    if (isComplete(each, limits, at)) out.push(cut(each));
  };

  const addReading = (reading: Reading, at: number, out: Item[]): void => {
    const own = readings[reading.stream];
    // Of a derived stream: what it was made of is stored already.
    if (own === undefined) return;
    makeRoom(own, at, out);
    own.encoder.encodeReading(reading);
    cutFull(own, at, out);
  };

  const addRow = (each: OpenRows, row: readonly unknown[], offset: number, at: number, out: Item[]): void => {
    makeRoom(each, at, out);
    each.encoder.encodeRow(row, offset);
    cutFull(each, at, out);
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
        return cutWhere((each) => isComplete(each, limits, item.at), out);
      case 'mark':
        if (item.mark === 'cut') cutWhere((each) => each.encoder.rows > 0, out);
        return;
      case 'event':
        out.push(item);
    }
  });
};

function openReadings(table: Table) {
  return { table, encoder: createReadingEncoder(table), openedAt: 0 };
}

type OpenRows = ReturnType<typeof openRows>;

function openRows(table: Table) {
  return { table, encoder: createRowEncoder(table), openedAt: 0 };
}
