import type { FieldType } from './field.ts';

/** A secret: the text itself, or the environment variable or file that holds it. */
export type Secret = string | { readonly env: string } | { readonly file: string };

/** Quality of service of MQTT: at most once, at least once, exactly once. */
export type Qos = 0 | 1 | 2;
/** The format of a stream's payloads. */
export type PayloadFormat = 'json' | 'ndjson' | 'plain' | 'msgpack' | 'cbor';
/** The unit of the stamps that devices send. */
export type TimeUnit = 's' | 'ms' | 'us' | 'ns' | 'iso8601';

/** A `tls` section, with the names of its files. */
export interface TlsConfig {
  /** `ca`, `cert` and `key` are PEM files. Relative paths are relative to the config file. */
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly servername?: string;
  /** False: any server certificate is accepted. Default true. */
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

/** An MQTT broker and how to connect to it. */
export interface BrokerConfig {
  readonly name: string;
  /** URL such as `mqtt://host:1883` or `mqtts://host:8883`. */
  readonly url: string;
  /** The id is fixed, so that the broker keeps the session while Weir is stopped. Default `weir`. */
  readonly clientId: string;
  readonly username?: Secret;
  readonly password?: Secret;
  readonly tls?: TlsConfig;
  /** The MQTT version. If the broker refuses version 5, Weir uses 3.1.1. Default 5. */
  readonly version: 5 | '3.1.1';
  /** Topic filters to subscribe to. Default: the filters that the streams' topics and status topics need. */
  readonly subscribe?: readonly { readonly filter: string; readonly qos: Qos }[];
  /** The largest number of QoS 1 and 2 messages that the broker may send before Weir acknowledges them. Default 10000. */
  readonly receiveMaximum: number;
  /** Keep-alive interval of MQTT in seconds. Default 30. */
  readonly keepalive: number;
  /** Seconds for which the broker keeps the session while Weir is disconnected. Default 7 days. */
  readonly sessionExpiry: number;
  /** Topic of Weir's own birth message and last will (`online`, `offline`; retained). Default `weir/<clientId>/status`. */
  readonly statusTopic: string;
}

/** A declared field of a stream. */
export interface FieldConfig {
  readonly name: string;
  readonly type: FieldType;
  readonly unit?: string;
  /** Path of the field in the payload, as in `a.b.0.c`. Default: the name of the field. */
  readonly path: string;
}

/** Where to read a device id or label: a path in the payload, or a placeholder of the topic template. */
export type Place = { readonly path: string } | { readonly topic: string };

/** Where to read the sequence number of a reading. Each device numbers its own readings with integers that rise by 1. */
export interface SequenceConfig {
  readonly path: string;
  /** The number after `modulus - 1` is 0. From 256 to 2^32. Undefined: the numbers never start again at 0. */
  readonly modulus?: number;
}

/** A stream: which messages it has, how to read them, and its limits. */
export interface StreamConfig {
  readonly name: string;
  /** Topic template, as in `plant/{site}/{device}/data`. The wildcards `+` and (at the end) `#` match levels without naming them. */
  readonly topic: string;
  readonly qos: Qos;
  /** Name of the only broker that delivers this stream. Default: every broker. */
  readonly broker?: string;
  readonly format: PayloadFormat;
  /** Path of the array whose elements are the readings. Other paths are then relative to the element; a path with `$.` is relative to the message. */
  readonly each?: string;
  readonly device: Place;
  /** Name of each label and where to read it. Labels from topic placeholders come first. */
  readonly labels: readonly { readonly name: string; readonly place: Place }[];
  /** Undefined: the receive time is the event time. */
  readonly time?: { readonly path: string; readonly unit: TimeUnit };
  /** Undefined: devices do not number their readings. A stream with `sequence` also has `time`. */
  readonly sequence?: SequenceConfig;
  readonly fields: readonly FieldConfig[];
  /** What to do with undeclared fields: keep them in the table's `extra` column, ignore and count them, or reject the reading. Default `keep`. */
  readonly undeclared: 'keep' | 'ignore' | 'reject';
  /** Whether `"23.4"` is accepted as a number, and `"on"`, `"false"` and `1` as booleans. Always true for `plain`. Default false. */
  readonly coerce: boolean;
  /** The topic of a device's last will or status. */
  readonly status?: { readonly topic: string; readonly offline: readonly string[]; readonly online: readonly string[] };
  readonly limits: {
    readonly bytes: number;
    readonly depth: number;
    readonly fields: number;
    readonly readings: number;
    /** The largest number of devices that the engine remembers. Default 50,000. Infinity if something else bounds them. */
    readonly devices: number;
    /** The largest number of keys that the engine remembers for each `per` of the rules. Default 10,000. Infinity if something else bounds them. */
    readonly keys: number;
  };
  /** A device that sends nothing for so long leaves the state; milliseconds. Default 30 days. */
  readonly forgetMs: number;
  /** Days for which the table keeps rows. Undefined: rows are never deleted. */
  readonly ttlDays?: number;
}

/** The NATS servers and how to connect to them. */
export interface NatsConfig {
  readonly servers: readonly string[];
  readonly username?: Secret;
  readonly password?: Secret;
  readonly token?: Secret;
  /** Path of a `.creds` file. */
  readonly credentials?: string;
  readonly tls?: TlsConfig;
  /** Bytes of events that may wait for the server before intake stops. Default 16 MiB. */
  readonly outboxBytes: number;
}

/** The ClickHouse server, how to connect to it, and how rows are batched. */
export interface ClickHouseConfig {
  readonly url: string;
  readonly database: string;
  readonly username?: Secret;
  readonly password?: Secret;
  readonly tls?: TlsConfig;
  /** A batch is cut at the first limit that it reaches. Defaults: 10000 rows, 5 MB, 1 s. */
  readonly batch: { readonly rows: number; readonly bytes: number; readonly ageMs: number };
  /** Bytes of batches that may wait for the server before intake stops. Default 32 MiB. */
  readonly queueBytes: number;
  /** Concurrent inserts for each table. Default 2. */
  readonly concurrency: number;
  readonly requestTimeoutMs: number;
}

/** Sources of device attributes; at least one is given. If both have a device, all its attributes come from the bucket. */
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
    /** Intake stops when its disk has fewer free bytes than this. Default 100 MiB. */
    readonly minFreeBytes: number;
  };
  /** Undefined: devices have no attributes. */
  readonly attributes?: AttributesConfig;
  /** A stamp that is further ahead of the receive time than this is set to the receive time. Default 5 min. */
  readonly maxAheadMs: number;
}
