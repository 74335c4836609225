/** Rows of one table. Batches are cut at journal offsets, so folding the same journal again makes the same batch. */
export interface Batch {
  readonly kind: 'batch';
  /** Table name without the database. */
  readonly table: string;
  readonly rows: number;
  /** The rows in ClickHouse's RowBinary format, with the columns in the order of the table's definition. */
  readonly bytes: Uint8Array;
  /** End of each row within `bytes`, so that a rejected batch can be split. */
  readonly rowEnds: Uint32Array;
  /** Journal offset that caused each row, for dead letters. */
  readonly rowOffsets: Float64Array;
  /** First and last journal offset whose rows are in the batch. */
  readonly fromOffset: number;
  readonly toOffset: number;
  /** Present if an earlier run has sent these rows with this token. `isWhole`: that insert had exactly these rows. */
  readonly earlier?: { readonly token: string; readonly isWhole: boolean };
}

/** A message for NATS, or (if `quiet`) only a change of a KV entry. */
export interface EventOutput {
  readonly kind: 'event';
  /** Deterministic: the same journal gives the same id. Sent as `Nats-Msg-Id`. */
  readonly id: string;
  readonly offset: number;
  readonly subject: string;
  /** A CloudEvent 1.0 in structured JSON. */
  readonly body: string;
  /** JetStream stream that stores it. Undefined: it is published to core NATS. */
  readonly stream?: 'WEIR_ALERTS' | 'WEIR_DEVICES' | 'WEIR_FACTS' | 'WEIR_GAPS';
  /** Nothing is published. Only the KV entry changes. */
  readonly quiet?: boolean;
  /** Entry to write after the event is published. `value: null` deletes it. */
  readonly kv?: {
    readonly bucket: 'weir_alerts_open' | 'weir_devices';
    readonly key: string;
    readonly value: string | null;
  };
}
