/** Rows of one table, cut at journal offsets, so that folding the same journal again makes the same batch. */
export interface Batch {
  readonly kind: 'batch';
  /** Table name without the database. */
  readonly table: string;
  readonly rows: number;
  /** The rows in ClickHouse's RowBinary, columns in the order of the table's definition. */
  readonly bytes: Uint8Array;
  /** End of each row within `bytes`, so that a rejected batch can be split. */
  readonly rowEnds: Uint32Array;
  /** Journal offset that caused each row, for dead letters. */
  readonly rowOffsets: Float64Array;
  /** First and last journal offset whose rows are inside. */
  readonly fromOffset: number;
  readonly toOffset: number;
  /** An earlier run has sent these rows: with this token, and none beside them where that was the whole. */
  readonly earlier?: { readonly token: string; readonly isWhole: boolean };
}

/** A message for NATS, or (where `quiet`) only what its KV entry becomes. */
export interface EventOutput {
  readonly kind: 'event';
  /** Deterministic: the same journal gives the same id. Goes out as `Nats-Msg-Id`. */
  readonly id: string;
  readonly offset: number;
  readonly subject: string;
  /** A CloudEvent 1.0 in structured JSON. */
  readonly body: string;
  /** JetStream stream that keeps it; none: core publish. */
  readonly stream?: 'WEIR_ALERTS' | 'WEIR_DEVICES' | 'WEIR_FACTS' | 'WEIR_GAPS';
  /** Nothing is published: the KV entry alone changes. */
  readonly quiet?: boolean;
  /** Entry to write (or, with `value: null`, to delete) once the event is out. */
  readonly kv?: {
    readonly bucket: 'weir_alerts_open' | 'weir_devices';
    readonly key: string;
    readonly value: string | null;
  };
}
