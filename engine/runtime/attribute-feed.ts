import type { Logger } from 'pino';
import type { AttributesConfig } from '../model/config.ts';
import type { AttributesRecord } from '../model/record.ts';
import type { AttributeHandler, AttributeSource, PortStatus } from '../ports.ts';
import type { Counters } from '../telemetry.ts';

/** The sources that a config names, none of them started. */
export type AttributeSources = { readonly [S in keyof AttributesConfig]?: AttributeSource };

export interface AttributeFeedOptions {
  readonly sources: AttributeSources;
  /** The attributes of each device according to the journal, as JSON text. The feed keeps this map up to date. */
  readonly known: Map<string, string>;
  /** Appends changes to the journal. */
  readonly append: (changes: readonly AttributeChange[]) => void;
  readonly log: Logger;
  readonly counters: Counters;
}

/** A changed device, before the journal gives the change an offset. An undefined text means that the device has no attributes any more. */
export type AttributeChange = Pick<AttributesRecord, 'device' | 'text'>;

/** Compares the sources of attributes with the journal, and appends what differs. */
export interface AttributeFeed {
  start(): void;
  /** Appends nothing after the call. Resolves when the sources have stopped. */
  stop(): Promise<void>;
  status(): readonly PortStatus[];
}

/** Entries of a source by device. An unusable entry is undefined. The map itself is undefined until the source has listed all its entries. */
type SourceEntries = Map<string, string | undefined> | undefined;

/** Most changes in one call of `append`. */
const MAX_CHANGES = 1_000;

/**
 * Creates the feed of attributes. For each device, the entry of the bucket takes precedence over the entry of the file. While a source has
 * not listed its entries yet, or if an entry is unusable, the device keeps its known attributes. Without sources, the feed removes all
 * known attributes.
 */
export function createAttributeFeed({ sources, known, append, log, counters }: AttributeFeedOptions): AttributeFeed {
  const listed: { file: SourceEntries; bucket: SourceEntries } = { file: undefined, bucket: undefined };
  let stopped = false;

  /** The attributes that a device should have; undefined if it should have none. */
  const desired = (device: string): string | undefined => {
    const before = known.get(device);
    if (listed.bucket?.has(device)) return listed.bucket.get(device) ?? before;
    if (sources.bucket !== undefined && listed.bucket === undefined && before !== undefined) return before;
    return sources.file !== undefined && listed.file === undefined ? before : listed.file?.get(device);
  };
  /** Appends the differences of these devices; returns how many there are. */
  const reconcile = (devices: Iterable<string>): number => {
    let changes: AttributeChange[] = [];
    let count = 0;
    for (const device of stopped ? [] : devices) {
      const text = desired(device);
      if (text === known.get(device)) continue;
      if (text === undefined) known.delete(device);
      else known.set(device, text);
      count += 1;
      if (changes.push({ device, text }) < MAX_CHANGES) continue;
      append(changes);
      changes = [];
    }
    if (changes.length > 0) append(changes);
    counters.attributes_changed += count;
    return count;
  };
  const handlerOf = (source: keyof AttributesConfig): AttributeHandler => ({
    all(entries) {
      listed[source] = new Map(entries);
      const changed = reconcile(new Set([...known.keys(), ...entries.keys()]));
      if (changed > 0)
        log.info({ source, devices: entries.size, changed }, 'attributes of devices loaded from the source');
    },
    put(device, text) {
      listed[source]?.set(device, text);
      reconcile([device]);
    },
    removed(device) {
      listed[source]?.delete(device);
      reconcile([device]);
    },
    faulty(faults) {
      counters.attributes_rejected += 1;
      log.error(
        { source, faults },
        'some attributes of devices cannot be used; these devices keep their known attributes',
      );
    },
  });
  return {
    start() {
      sources.file?.start(handlerOf('file'));
      sources.bucket?.start(handlerOf('bucket'));
      if (sources.file === undefined && sources.bucket === undefined) reconcile([...known.keys()]);
    },
    async stop() {
      stopped = true;
      await Promise.all([sources.file?.stop(), sources.bucket?.stop()]);
    },
    status: () => [sources.file, sources.bucket].flatMap((source) => (source === undefined ? [] : [source.status()])),
  };
}
