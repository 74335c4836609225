import type { RemovedRuleAlert } from '../alerts/removed-rule.ts';
import type { NumberingEntry } from '../decode/numbering.ts';
import type { SequenceConfig } from '../model/config.ts';
import type { RuleTrace } from '../model/rule-trace.ts';
import type { LastKnownEntry, LastKnownHead } from '../windows/last-known.ts';
import type { DeviceSnapshot } from './device.ts';
import type { KeySnapshot } from './key.ts';
import type { Piece, SnapshotHead } from './pieces.ts';

/** The state as one object, as older versions wrote it. The older the version, the fewer parts it wrote. */
export interface WholeSnapshot extends SnapshotHead {
  readonly streams: Readonly<Record<string, WholeStream>>;
  readonly traces?: Readonly<Record<string, RuleTrace>>;
  readonly orphans?: readonly RemovedRuleAlert[];
  readonly attributes?: readonly (readonly [string, string])[];
}

interface WholeStream {
  readonly labels: readonly string[];
  readonly devices: readonly DeviceSnapshot[];
  readonly keys: readonly KeySnapshot[];
  readonly lastKnown?: LastKnownHead & { readonly known: readonly LastKnownEntry[] };
  readonly numberings?: { readonly of: SequenceConfig; readonly devices: readonly NumberingEntry[] };
}

/** Splits the state that an older version wrote into the pieces that are written now. */
export function* takeApart({ streams, traces, orphans, attributes, ...head }: WholeSnapshot): Generator<Piece> {
  yield ['head', head];
  for (const orphan of orphans ?? []) yield ['orphan', orphan];
  for (const [name, { labels, devices, keys, lastKnown, numberings }] of Object.entries(streams)) {
    const sequence = numberings?.of;
    yield ['stream', { name, labels, ...(lastKnown && { lastKnown }), ...(sequence && { sequence }) }];
    for (const key of keys) yield ['key', key];
    for (const device of devices) yield ['device', device];
    for (const entry of lastKnown?.known ?? []) yield ['known', entry];
    for (const entry of numberings?.devices ?? []) yield ['numbering', entry];
  }
  for (const entry of attributes ?? []) yield ['attributes', entry];
  yield ['traces', traces ?? {}];
}
