import type { FieldType } from './field.ts';

/** A text in the config, or where to find one that must not stand there. */
export type Secret = string | { readonly env: string } | { readonly file: string };

export type Qos = 0 | 1 | 2;
export type PayloadFormat = 'json' | 'ndjson' | 'plain' | 'msgpack' | 'cbor';
export type TimeUnit = 's' | 'ms' | 'us' | 'ns' | 'iso8601';

export interface TlsConfig {
  /** PEM files; relative paths start at the config file. */
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly servername?: string;
  /** Accepts any server certificate when false. Default true. */
  readonly verify?: boolean;
}

/** A `tls` section with the contents of its files. */
export interface ResolvedTls {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly servername?: string;
  readonly verify?: boolean;
}

export interface BrokerConfig {
  readonly name: string;
  /** `mqtt://host:1883` or `mqtts://host:8883`. */
  readonly url: string;
  /** Fixed, so that the broker keeps the session while Weir is away. Default `weir`. */
  readonly clientId: string;
  readonly username?: Secret;
  readonly password?: Secret;
  readonly tls?: TlsConfig;
  /** `5` falls back to `3.1.1` where the broker refuses it. Default 5. */
  readonly version: 5 | '3.1.1';
  /** Topic filters to subscribe to; default: those that the streams' topics and status topics need. */
  readonly subscribe?: readonly { readonly filter: string; readonly qos: Qos }[];
  /** QoS 1 and 2 messages that the broker may have under way to us. Default 10000. */
  readonly receiveMaximum: number;
  /** Seconds. Default 30. */
  readonly keepalive: number;
  /** Seconds for which the broker keeps the session while Weir is away. Default 7 days. */
  readonly sessionExpiry: number;
  /** Topic of Weir's own birth message and last will (`online`, `offline`; retained). Default `weir/<clientId>/status`. */
  readonly statusTopic: string;
}

export interface FieldConfig {
  readonly name: string;
  readonly type: FieldType;
  readonly unit?: string;
  /** Where it stands in the payload, `a.b.0.c`; default: its name. */
  readonly path: string;
}

/** Where a device id or label stands: a path in the payload, or a placeholder of the topic template. */
export type Place = { readonly path: string } | { readonly topic: string };

/** Where a reading has the number that its device counts it by: integers that rise by 1, each device's its own. */
export interface SequenceConfig {
  readonly path: string;
  /** Behind the number before this one comes 0; undefined: never. From 256 to 2^32. */
  readonly modulus?: number;
}

export interface StreamConfig {
  readonly name: string;
  /** `plant/{site}/{device}/data`; `+` and a last `#` match without a name. */
  readonly topic: string;
  readonly qos: Qos;
  /** Name of the only broker to take it from; default: every broker. */
  readonly broker?: string;
  readonly format: PayloadFormat;
  /** Path of the array whose elements are the readings; paths then start at the element, and `$.` at the message. */
  readonly each?: string;
  readonly device: Place;
  /** Label name → place, topic placeholders first. */
  readonly labels: readonly { readonly name: string; readonly place: Place }[];
  /** Undefined: the receive time is the event time. */
  readonly time?: { readonly path: string; readonly unit: TimeUnit };
  /** Undefined: devices do not number their readings. Where it is there, so is `time`. */
  readonly sequence?: SequenceConfig;
  readonly fields: readonly FieldConfig[];
  /** Keep in the table's `extra` column, ignore and count, or reject the reading. Default `keep`. */
  readonly undeclared: 'keep' | 'ignore' | 'reject';
  /** Takes `"23.4"` for a number and `"on"`, `"false"`, `1` for a boolean. Always so for `plain`. Default false. */
  readonly coerce: boolean;
  /** A device's last will or status topic. */
  readonly status?: { readonly topic: string; readonly offline: readonly string[]; readonly online: readonly string[] };
  readonly limits: {
    readonly bytes: number;
    readonly depth: number;
    readonly fields: number;
    readonly readings: number;
    /** Devices that the engine remembers. Default 50,000; Infinity where something else bounds them. */
    readonly devices: number;
    /** Keys that the engine remembers for each way in which rules group the readings. Default 10,000; Infinity as above. */
    readonly keys: number;
  };
  /** Days that the table keeps rows; undefined: for ever. */
  readonly ttlDays?: number;
}

export interface NatsConfig {
  readonly servers: readonly string[];
  readonly username?: Secret;
  readonly password?: Secret;
  readonly token?: Secret;
  /** A `.creds` file. */
  readonly credentials?: string;
  readonly tls?: TlsConfig;
  /** Bytes of events that may wait for the server before intake stops. Default 16 MiB. */
  readonly outboxBytes: number;
}

export interface ClickHouseConfig {
  readonly url: string;
  readonly database: string;
  readonly username?: Secret;
  readonly password?: Secret;
  readonly tls?: TlsConfig;
  /** A batch is cut at whichever comes first. Defaults 10000 rows, 5 MB, 1 s. */
  readonly batch: { readonly rows: number; readonly bytes: number; readonly ageMs: number };
  /** Bytes of batches that may wait for the server before intake stops. Default 32 MiB. */
  readonly queueBytes: number;
  /** Inserts under way at once. Default 2. */
  readonly concurrency: number;
  readonly requestTimeoutMs: number;
}

/** Where attributes of devices come from; at least one. The bucket wins over the file, for a device as a whole. */
export interface AttributesConfig {
  /** Absolute path of a `.json` or `.csv` file. */
  readonly file?: string;
  /** Name of a KV bucket of NATS. */
  readonly bucket?: string;
}

/** The whole config, validated, with every default filled in and every path absolute. */
export interface Config {
  readonly file: string;
  /** Folder of the journal and the checkpoints. */
  readonly data: string;
  /** Folder of the rule files. */
  readonly rules: string;
  readonly mqtt: readonly BrokerConfig[];
  readonly streams: readonly StreamConfig[];
  readonly nats: NatsConfig;
  readonly clickhouse: ClickHouseConfig;
  readonly http: { readonly host: string; readonly port: number };
  readonly log: { readonly level: 'trace' | 'debug' | 'info' | 'warn' | 'error' };
  readonly journal: {
    readonly maxBytes: number;
    /** Bytes that must stay free on its disk, else intake stops. Default 100 MiB. */
    readonly minFreeBytes: number;
  };
  /** Undefined: devices have no attributes. */
  readonly attributes?: AttributesConfig;
  /** A stamp further ahead of the receive time than this is set back to it. Default 5 min. */
  readonly maxAheadMs: number;
}
