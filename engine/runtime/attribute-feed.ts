import type { Logger } from 'pino';
import type { AttributesConfig } from '../model/config.ts';
import type { AttributesRecord } from '../model/record.ts';
import type { AttributeHandler, AttributeSource, PortStatus } from '../ports.ts';
import type { Counters } from '../telemetry.ts';

/** The sources that a config names, none of them started. */
export type AttributeSources = { readonly [S in keyof AttributesConfig]?: AttributeSource };

export interface AttributeFeedOptions {
  readonly sources: AttributeSources;
  /** What the journal says of each device, as JSON text; kept up to date. */
  readonly known: Map<string, string>;
  /** Takes changes down in the journal. */
  readonly append: (changes: readonly AttributeDraft[]) => void;
  readonly log: Logger;
  readonly counters: Counters;
}

/** A change that has no place in the journal yet. */
export type AttributeDraft = Pick<AttributesRecord, 'device' | 'text'>;

/** Brings what sources say of devices into the journal. */
export interface AttributeFeed {
  start(): void;
  /** Nothing is taken down from the call on; resolves when the sources have ended. */
  stop(): Promise<void>;
  status(): readonly PortStatus[];
}

/** Entries of a source by device, undefined where one cannot be used; undefined as a whole until the source has told all. */
type Told = Map<string, string | undefined> | undefined;

/** Most that is taken down at once. */
const SLICE = 1_000;

/**
 * Makes the feed of attributes. For each device, what is in the bucket wins over the file; where a source has not told yet, or has
 * something that cannot be used, what is known stays. Without sources, nothing stays.
 */
export function createAttributeFeed({ sources, known, append, log, counters }: AttributeFeedOptions): AttributeFeed {
  const told: { file: Told; bucket: Told } = { file: undefined, bucket: undefined };
  let stopped = false;

  /** What a device should have; undefined: nothing. */
  const wanted = (device: string): string | undefined => {
    const before = known.get(device);
    if (told.bucket?.has(device)) return told.bucket.get(device) ?? before;
    if (sources.bucket !== undefined && told.bucket === undefined && before !== undefined) return before;
    return sources.file !== undefined && told.file === undefined ? before : told.file?.get(device);
  };
  const settle = (devices: Iterable<string>): number => {
    let changes: AttributeDraft[] = [];
    let count = 0;
    for (const device of stopped ? [] : devices) {
      const text = wanted(device);
      if (text === known.get(device)) continue;
      if (text === undefined) known.delete(device);
      else known.set(device, text);
      count += 1;
      if (changes.push({ device, text }) < SLICE) continue;
      append(changes);
      changes = [];
    }
    if (changes.length > 0) append(changes);
    counters.attributes_changed += count;
    return count;
  };
  const handlerOf = (source: keyof AttributesConfig): AttributeHandler => ({
    all(entries) {
      told[source] = new Map(entries);
      const changed = settle(new Set([...known.keys(), ...entries.keys()]));
      if (changed > 0) log.info({ source, devices: entries.size, changed }, 'attributes of devices taken over');
    },
    put(device, text) {
      told[source]?.set(device, text);
      settle([device]);
    },
    removed(device) {
      told[source]?.delete(device);
      settle([device]);
    },
    faulty(faults) {
      counters.attributes_rejected += 1;
      log.error({ source, faults }, 'attributes of devices cannot be used; what was known stays');
    },
  });
  return {
    start() {
      sources.file?.start(handlerOf('file'));
      sources.bucket?.start(handlerOf('bucket'));
      if (sources.file === undefined && sources.bucket === undefined) settle([...known.keys()]);
    },
    async stop() {
      stopped = true;
      await Promise.all([sources.file?.stop(), sources.bucket?.stop()]);
    },
    status: () => [sources.file, sources.bucket].flatMap((source) => (source === undefined ? [] : [source.status()])),
  };
}
