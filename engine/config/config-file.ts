import type { PayloadFormat, Place, Qos, Secret, TimeUnit, TlsConfig } from '../model/config.ts';
import type { FieldType } from '../model/field.ts';

/** A duration as the file has it: `"250ms"`, `"10s"`, `"5m"`, `"2h"`, `"7d"`. */
type Duration = string;
/** A size as the file has it: a number of bytes, or `"5MB"`, `"32MiB"`. */
type Size = number | string;

/** The config as its author writes it. Optional keys have their defaults in `DEFAULTS`. */
export interface ConfigFile {
  readonly data?: string;
  readonly rules?: string;
  readonly mqtt: BrokerEntry | readonly BrokerEntry[];
  readonly streams: Readonly<Record<string, StreamEntry>>;
  readonly nats: NatsEntry;
  readonly clickhouse: ClickHouseEntry;
  readonly http?: { readonly host?: string; readonly port?: number };
  readonly log?: { readonly level?: 'trace' | 'debug' | 'info' | 'warn' | 'error' };
  readonly journal?: { readonly maxBytes?: Size; readonly minFree?: Size };
  readonly maxAhead?: Duration;
  readonly attributes?: { readonly file?: string; readonly bucket?: string };
}

/** One entry of `mqtt`. */
export interface BrokerEntry {
  readonly name?: string;
  readonly url: string;
  readonly clientId?: string;
  readonly username?: Secret;
  readonly password?: Secret;
  readonly tls?: TlsConfig;
  readonly version?: 5 | '3.1.1';
  readonly subscribe?: readonly (string | { readonly filter: string; readonly qos?: Qos })[];
  readonly receiveMaximum?: number;
  readonly keepalive?: Duration;
  readonly sessionExpiry?: Duration;
  readonly statusTopic?: string;
}

/** One entry of `streams`. */
export interface StreamEntry {
  readonly topic: string;
  readonly qos?: Qos;
  readonly broker?: string;
  readonly format: PayloadFormat;
  readonly each?: string;
  readonly device?: string | Place;
  readonly labels?: Readonly<Record<string, string | Place>>;
  readonly time?: { readonly path: string; readonly unit: TimeUnit };
  readonly sequence?: string | { readonly path: string; readonly modulus?: number };
  readonly fields: Readonly<Record<string, FieldType | FieldEntry>>;
  readonly undeclared?: 'keep' | 'ignore' | 'reject';
  readonly coerce?: boolean;
  readonly status?: {
    readonly topic: string;
    readonly offline?: string | readonly string[];
    readonly online?: string | readonly string[];
  };
  readonly limits?: {
    readonly bytes?: Size;
    readonly depth?: number;
    readonly fields?: number;
    readonly readings?: number;
    readonly devices?: number;
    readonly keys?: number;
  };
  readonly forget?: Duration;
  readonly retain?: Duration;
}

interface FieldEntry {
  readonly type: FieldType;
  readonly unit?: string;
  readonly path?: string;
}

/** The value of `nats`. */
export interface NatsEntry {
  readonly servers: string | readonly string[];
  readonly username?: Secret;
  readonly password?: Secret;
  readonly token?: Secret;
  readonly credentials?: string;
  readonly tls?: TlsConfig;
  readonly outbox?: Size;
}

/** The value of `clickhouse`. */
export interface ClickHouseEntry {
  readonly url: string;
  readonly database?: string;
  readonly username?: Secret;
  readonly password?: Secret;
  readonly tls?: TlsConfig;
  readonly batch?: { readonly rows?: number; readonly bytes?: Size; readonly age?: Duration };
  readonly queue?: Size;
  readonly concurrency?: number;
  readonly requestTimeout?: Duration;
}
