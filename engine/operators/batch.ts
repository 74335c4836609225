import type { BatchLimits } from '../delivery/batches.ts';
import type { SentRange } from '../delivery/ranges.ts';
import {
  createReadingEncoder,
  createRowEncoder,
  type ReadingEncoder,
  type RowEncoder,
} from '../delivery/row-binary.ts';
import { alertRow, deadLetterRow, deviceRow, factsRow, gapRow } from '../delivery/rows.ts';
import { ALERTS, DEAD_LETTERS, DEVICES, FACTS, GAPS, streamTable } from '../delivery/tables.ts';
import type { Item } from '../model/item/item.ts';
import type { Plan } from '../model/plan/plan.ts';
import { viewOf } from '../model/plan/rule-plan.ts';
import type { Reading } from '../model/reading.ts';
import type { Table } from '../model/table.ts';
import { lift } from './lift.ts';
import { addTo, cutAll, cutDue, type EncodeRow, type OpenBatches, openBatches } from './open-batches.ts';

/**
 * Encodes readings, results of views, changes of alerts and devices, gaps and rejections as rows, and cuts the rows into batches. Passes on
 * batches and events only. Its open batches are the only part of the fold that is not in a snapshot; a `cut` mark empties them first. Rows
 * of `earlier` ranges are cut into the same batches as before, even if limits or columns have changed.
 */
export const batch = (plan: Plan, limits: BatchLimits, earlier: readonly SentRange[] = []) => {
  const { readings, alerts, devices, deadLetters, facts, gaps } = openTables(plan, limits, earlier);
  const all: readonly OpenBatches[] = [...readings, alerts, devices, deadLetters, facts, gaps];

  const addReading = (reading: Reading, at: number, out: Item[]): void => {
    const own = readings[reading.stream];
    // A derived stream has no table: the readings that it is made from are stored already.
    if (own === undefined) return;
    addTo(own, reading, reading.offset, at, encodeReading, out);
  };
  const addRow = (each: OpenRows, row: readonly unknown[], offset: number, at: number, out: Item[]): void =>
    addTo(each, row, offset, at, encodeRow, out);

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
        for (const each of all) cutDue(each, item.offset, item.at, out);
        return;
      case 'mark':
        if (item.mark === 'cut') for (const each of all) cutAll(each, out);
        return;
      case 'event':
        out.push(item);
    }
  });
};

type OpenRows = OpenBatches<RowEncoder>;

const encodeReading: EncodeRow<ReadingEncoder, Reading> = (encoder, reading) => encoder.encodeReading(reading);
const encodeRow: EncodeRow<RowEncoder, readonly unknown[]> = (encoder, row, offset) => encoder.encodeRow(row, offset);

/** Opens the tables that rows go to; the tables of readings are by stream. */
function openTables(plan: Plan, limits: BatchLimits, earlier: readonly SentRange[]) {
  const openRows = (table: Table): OpenRows => openBatches(table, limits, earlier, () => createRowEncoder(table));
  return {
    readings: plan.streams
      .filter(({ origin }) => origin.kind === 'devices')
      .map(({ config }) => streamTable(config))
      .map((table) => openBatches(table, limits, earlier, () => createReadingEncoder(table))),
    alerts: openRows(ALERTS),
    devices: openRows(DEVICES),
    deadLetters: openRows(DEAD_LETTERS),
    facts: openRows(FACTS),
    gaps: openRows(GAPS),
  };
}
