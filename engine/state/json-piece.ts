/** The bytes of a piece that is rare, or has no usual form. */
export function jsonPiece(piece: readonly unknown[]): Buffer {
  return Buffer.from(JSON.stringify(piece));
}
