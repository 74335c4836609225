import { unpackBlock } from '../decode/delivery-blocks.ts';
import type { LastKnownEntry } from '../windows/last-known.ts';
import type { ConnectionsHead } from './connections.ts';
import { readDevice } from './device-snapshot.ts';
import { readKey } from './key-snapshot.ts';
import { createLineReader } from './older-snapshots.ts';
import { PIECE, PIECE_VERSION } from './piece-format.ts';
import { createPieceReader } from './piece-reader.ts';
import type { Piece } from './pieces.ts';

/** What the heads say about the pieces after them. */
interface Heads {
  /** Names of the rules. */
  rules: readonly string[];
  /** By broker: up to which number its messages are settled. */
  settled: readonly number[];
  /** By stream and keying: its `per`. */
  readonly pers: (readonly (readonly string[])[])[];
}

/**
 * Reads the pieces of a snapshot, of this version or of an older one: heads and other JSON as text, the rest as bytes. Throws if a newer version
 * wrote it.
 */
export function* readSnapshot(pieces: Iterable<Buffer>): Generator<Piece> {
  const heads: Heads = { rules: [], settled: [], pers: [] };
  const readLine = createLineReader();
  for (const bytes of pieces) {
    if (isJson(bytes)) {
      for (const piece of readLine(bytes.toString())) {
        if (piece[0] === 'head') {
          checkVersion(piece[1].pieces);
          heads.rules = Object.keys(piece[1].rules);
          heads.settled = settledOf(piece[1]);
        } else if (piece[0] === 'stream') heads.pers.push(piece[1].keyings ?? []);
        yield piece;
      }
    } else yield* readPiece(bytes, heads);
  }
}

function settledOf({ brokers, deliveries }: ConnectionsHead): number[] {
  return brokers.map((name) => {
    const head = deliveries[name];
    return typeof head === 'object' && 'settled' in head ? head.settled : 0;
  });
}

/** The kind of a piece is a small number, whose byte is none of these. */
function isJson(bytes: Buffer): boolean {
  return bytes[0] === 0x5b || bytes[0] === 0x7b;
}

function checkVersion(version = PIECE_VERSION): void {
  if (version === PIECE_VERSION) return;
  throw new Error(
    `the checkpoint has pieces of version ${version}, but this version of Weir reads version ${PIECE_VERSION}: start the version of Weir that wrote it`,
  );
}

function readPiece(bytes: Buffer, { rules, pers, settled }: Heads): Piece[] {
  const reader = createPieceReader(bytes, 0);
  const kind = reader.number();
  const stream = reader.number();
  switch (kind) {
    case PIECE.device: {
      const key = readKey(reader, pers[stream]![0]!, rules);
      const [presence, device] = readDevice(reader, key.parts, pers[stream]!);
      const own: Piece = ['key', { ...key, presence }, stream];
      return device === undefined ? [own] : [own, ['device', device, stream]];
    }
    case PIECE.group: {
      const key = readKey(reader, pers[stream]![reader.number()]!, rules);
      return [['key', { ...key, connection: reader.number() }, stream]];
    }
    case PIECE.deliveries: {
      // A settled message is only needed if it is the latest of its packet id; others have the blocks of messages by chance.
      const from = reader.value() === true ? settled[stream]! : 0;
      return [['deliveries', unpackBlock(reader.bytes()).filter(([number]) => number > from), stream]];
    }
    case PIECE.known:
      return [['known', reader.value() as LastKnownEntry, stream]];
    default:
      throw new Error(`a checkpoint has a piece of the unknown kind ${kind}`);
  }
}
