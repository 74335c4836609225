import type { StoredMessage } from '../../engine/decode/delivery-blocks.ts';
import type { DeliveriesHead } from '../../engine/decode/redelivery.ts';
import { piecesOf } from './kit.ts';

type Content = Readonly<Record<string, unknown>>;
type Line = readonly [kind: string, content: unknown];
/** A watermark of a device: see `MarkEntry`. */
type Mark = readonly [per: unknown, parts: unknown, eventAt: number, seenLiveMs: number, connection: number];

interface OlderParts {
  readonly keys: (readonly [Content, marks: unknown[]])[];
  readonly devices: Content[];
  readonly known: Line[];
}

/**
 * The lines that an older version would have written instead of this checkpoint: the pieces of a stream follow its head, keys have the watermarks
 * of their devices, and devices have their presence. `without`: by kind of line, the fields that it did not write yet.
 */
export function asOlder(checkpoint: string, without: Readonly<Record<string, readonly string[]>> = {}): string {
  const pieces = piecesOf(checkpoint) as unknown as readonly (readonly [string, Content, number?])[];
  const ofKind = (...kinds: readonly string[]) => pieces.filter(([kind]) => kinds.includes(kind));
  const messages = ofKind('deliveries').map(([, stored, broker]) => [stored, broker] as unknown as StoredPart);
  const lines: Line[] = ofKind('head', 'orphan').map(([kind, content]) => {
    return [kind, kind === 'head' ? { ...content, deliveries: packedDeliveries(content, messages) } : content];
  });
  for (const [index, [, head]] of ofKind('stream').entries()) {
    lines.push(
      ['stream', omit(head, ['next', 'lastTick'])],
      ...linesOfStream(pieces.filter(([kind, , stream]) => kind !== 'deliveries' && stream === index)),
    );
  }
  for (const [kind, content] of ofKind('attributes', 'traces')) lines.push([kind, content]);
  return lines.map(([kind, content]) => JSON.stringify([kind, omit(content, without[kind] ?? [])])).join('\n');
}

type StoredPart = readonly [messages: readonly StoredMessage[], broker: number];

/** The messages of each broker in the head: the latest of each packet id and those that are not settled, as base64. */
function packedDeliveries({ brokers, deliveries }: Content, parts: readonly StoredPart[]): Content {
  const heads = deliveries as Readonly<Record<string, DeliveriesHead>>;
  const packed = (brokers as string[]).map((name, i) => {
    const { taken, settled, ticks } = heads[name]!;
    const stored = new Map(
      parts.flatMap(([list, broker]) => (broker === i ? list : [])).map((each) => [each[0], each]),
    );
    const messages = [...stored.values()]
      .sort(([a], [b]) => a - b)
      .map(([number, packetId, high, low]) => {
        const bytes = Buffer.alloc(14);
        bytes.writeUInt16LE(packetId, 0);
        bytes.writeUInt32LE(Math.min(taken - number, 262_144), 2);
        bytes.writeInt32LE(high, 6);
        bytes.writeInt32LE(low, 10);
        return bytes;
      });
    const ages = ticks.map(([liveMs, then]) => [liveMs, taken - then]);
    return [name, { settledAge: taken - settled, ticks: ages, messages: Buffer.concat(messages).toString('base64') }];
  });
  return Object.fromEntries(packed);
}

function linesOfStream(pieces: readonly (readonly [string, Content, number?])[]): Line[] {
  const parts: OlderParts = { keys: [], devices: [], known: [] };
  for (const [kind, content] of pieces) {
    if (kind === 'key') parts.keys.push([content, []]);
    else if (kind === 'device') parts.devices.push(content);
    else parts.known.push([kind, content]);
  }
  const sameKey = (per: unknown, names: unknown) =>
    parts.keys.find(([key]) => JSON.stringify([key.per, key.parts]) === JSON.stringify([per, names]));
  const devices: Line[] = [];
  const numberings: Line[] = [];
  for (const { number: _, marks, numbering, ...device } of parts.devices) {
    for (const [per, names, eventAt, seenLiveMs, connection] of (marks ?? []) as readonly Mark[]) {
      sameKey(per, names)?.[1].push([device.name, { eventAt, seenLiveMs, connection }]);
    }
    const presence = sameKey(['device'], [device.name])?.[0].presence ?? { online: false, known: false, seenAt: -1 };
    devices.push(['device', { ...device, presence }]);
    if (numbering !== undefined) numberings.push(['numbering', numbering]);
  }
  // The numbers of keys follow from their order. Those of devices came first.
  const isGroup = ([key]: OlderParts['keys'][number]) => Number(key.presence === undefined);
  const keys = parts.keys
    .sort((a, b) => isGroup(a) - isGroup(b))
    .map(([key, marks]): Line => ['key', { ...omit(key, ['number', 'presence', 'connection', 'used']), marks }]);
  return [...keys, ...devices, ...parts.known, ...numberings];
}

function omit(content: unknown, names: readonly string[]): object {
  if (Array.isArray(content)) return content;
  return Object.fromEntries(Object.entries(content as object).filter(([name]) => !names.includes(name)));
}
