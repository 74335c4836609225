import type { RemovedRuleAlert } from '../alerts/removed-rule.ts';
import type { NumberingEntry } from '../decode/numbering.ts';
import type { SequenceConfig } from '../model/config.ts';
import type { RuleTrace } from '../model/rule-trace.ts';
import type { LastKnownEntry, LastKnownHead } from '../windows/last-known.ts';
import type { Watermark } from '../windows/watermark.ts';
import type { DeviceSnapshot, MarkEntry } from './device-snapshot.ts';
import type { KeySnapshot } from './key-snapshot.ts';
import type { Piece, SnapshotHead } from './pieces.ts';
import type { StreamHead } from './stream.ts';

/** The state as one object, as the oldest versions wrote it. The older the version, the fewer parts it wrote. */
interface WholeSnapshot extends SnapshotHead {
  readonly streams: Readonly<Record<string, WholeStream>>;
  readonly traces?: Readonly<Record<string, RuleTrace>>;
  readonly orphans?: readonly RemovedRuleAlert[];
  readonly attributes?: readonly (readonly [string, string])[];
}

interface WholeStream {
  readonly labels: readonly string[];
  readonly devices: readonly DeviceSnapshot[];
  readonly keys: readonly OlderKey[];
  readonly lastKnown?: LastKnownHead & { readonly known: readonly LastKnownEntry[] };
  readonly numberings?: { readonly of: SequenceConfig; readonly devices: readonly NumberingEntry[] };
}

/** A key that has the watermarks of its devices. */
interface OlderKey extends KeySnapshot {
  readonly marks: readonly (readonly [string, Watermark])[];
}

/** Pieces as older versions wrote them: those of a stream follow its head, keys before devices. */
type OlderPiece =
  | Exclude<Piece, readonly ['key' | 'device' | 'known' | 'numbering', ...unknown[]]>
  | readonly ['key', OlderKey]
  | readonly ['device', DeviceSnapshot]
  | readonly ['known', LastKnownEntry]
  | readonly ['numbering', NumberingEntry];

/** The stream that the pieces belong to, while older pieces are read. */
interface OlderStream {
  readonly index: number;
  /** By device: the watermarks that its keys had. */
  readonly marks: Map<string, MarkEntry[]>;
}

/** Makes a function that reads a line of JSON, of this version or of an older one. Lines must come in the order in which they were written. */
export function createLineReader(): (line: string) => Piece[] {
  let stream: OlderStream = { index: -1, marks: new Map() };
  return (line) => {
    const content = JSON.parse(line) as Piece | OlderPiece | WholeSnapshot;
    return ('streams' in content ? [...takeApart(content)] : [content]).map((piece) => {
      if (piece[0] === 'stream') stream = { index: stream.index + 1, marks: new Map() };
      return upgrade(piece, stream);
    });
  };
}

/** Gives a piece of an older version its present form. */
function upgrade(piece: Piece | OlderPiece, { index, marks }: OlderStream): Piece {
  if (piece.length === 3) return piece;
  const [kind, from] = piece;
  if (kind === 'key') {
    for (const [device, { eventAt, seenLiveMs, connection }] of from.marks) {
      const entry: MarkEntry = [from.per, from.parts, eventAt, seenLiveMs, connection];
      marks.set(device, [...(marks.get(device) ?? []), entry]);
    }
    return [kind, { ...from, connection: from.marks[0]?.[1].connection ?? 0 }, index];
  }
  if (kind === 'device') return [kind, { ...from, marks: marks.get(from.name) ?? [] }, index];
  if (kind === 'known') return [kind, from, index];
  if (kind === 'numbering') return [kind, from, index];
  return piece;
}

/** Splits the state that the oldest versions wrote into pieces. */
function* takeApart({ streams, traces, orphans, attributes, ...head }: WholeSnapshot): Generator<OlderPiece> {
  yield ['head', head];
  for (const orphan of orphans ?? []) yield ['orphan', orphan];
  for (const [name, { labels, devices, keys, lastKnown, numberings }] of Object.entries(streams)) {
    const sequence = numberings?.of;
    const head: StreamHead = { name, labels, ...(lastKnown && { lastKnown }), ...(sequence && { sequence }) };
    yield ['stream', head];
    for (const key of keys) yield ['key', key];
    for (const device of devices) yield ['device', device];
    for (const entry of lastKnown?.known ?? []) yield ['known', entry];
    for (const entry of numberings?.devices ?? []) yield ['numbering', entry];
  }
  for (const entry of attributes ?? []) yield ['attributes', entry];
  yield ['traces', traces ?? {}];
}
