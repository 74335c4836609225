import type { Journal } from '../journal/journal.ts';
import type { PortStatus, Source } from '../ports.ts';
import type { CapacityWatch } from './capacity-watch.ts';
import type { Stuck } from './delivery-queue.ts';
import type { EventDelivery } from './event-delivery.ts';
import type { Fold } from './fold.ts';
import type { Ingest } from './ingest.ts';
import type { TableDelivery } from './table-delivery.ts';

/** The parts of a running engine that status and metrics are read from. */
export interface Observed {
  readonly journal: Journal;
  readonly fold: Fold;
  readonly tables: TableDelivery;
  readonly events: EventDelivery;
  readonly ingest: Ingest;
  readonly source: Source;
  readonly capacity: CapacityWatch;
}

/** Current values of the engine. The metric of each has the name `weir_<name>`. */
export interface Gauges {
  readonly journal_size_bytes: number;
  readonly journal_next_offset: number;
  readonly clickhouse_pending_bytes: number;
  readonly clickhouse_spilled_bytes: number;
  readonly nats_pending_bytes: number;
  readonly nats_spilled_bytes: number;
  readonly intake_paused: number;
  readonly devices: number;
  readonly limits_reached: number;
  readonly rules: number;
  readonly lag_seconds: number;
}

/** Reads the current values. */
export function gaugesOf(
  { journal, fold, tables, events, ingest }: Pick<Observed, 'journal' | 'fold' | 'tables' | 'events' | 'ingest'>,
  { rules }: { readonly rules: readonly unknown[] },
): Gauges {
  return {
    journal_size_bytes: journal.bytes,
    journal_next_offset: journal.nextOffset,
    clickhouse_pending_bytes: tables.outbox.bytes,
    clickhouse_spilled_bytes: tables.spilledBytes,
    nats_pending_bytes: events.outbox.bytes,
    nats_spilled_bytes: events.spilledBytes,
    intake_paused: ingest.paused ? 1 : 0,
    devices: fold.devices,
    limits_reached: fold.fullLimits().length,
    rules: rules.length,
    lag_seconds: ingest.lagMs / 1_000,
  };
}

export interface StatusOptions {
  readonly isRecovering: boolean;
  readonly tableSink: { status(): PortStatus };
  readonly eventSink: { status(): PortStatus };
  readonly attributes: readonly PortStatus[];
}

/** Whether each part can do its work, in the order in which a message passes the parts. */
export function statusOf(
  { source, tables, events, ingest, capacity }: Observed,
  { isRecovering, tableSink, eventSink, attributes }: StatusOptions,
): readonly PortStatus[] {
  const journal: PortStatus = isRecovering
    ? { name: 'journal', ready: false, reason: 'recovery: the journal is being folded from the last checkpoint on' }
    : { name: 'journal', ready: true };
  return [
    journal,
    source.status(),
    sinkStatus(tableSink.status(), tables.stuck),
    sinkStatus(eventSink.status(), events.stuck),
    ...attributes,
    ingest.status(),
    capacity.status(),
  ];
}

/** A sink that refuses some of its items is not ready, although it accepts others: the refused items block every checkpoint. */
function sinkStatus(sink: PortStatus, stuck: Stuck | undefined): PortStatus {
  if (!sink.ready || stuck === undefined) return sink;
  const more = stuck.items > 1 ? ` (and ${stuck.items - 1} more like it)` : '';
  return { name: sink.name, ready: false, reason: `${stuck.error.message}${more}` };
}
