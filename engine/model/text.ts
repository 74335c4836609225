/** `1,234` */
export function count(value: number): string {
  return value.toLocaleString('en-US');
}

/** The text of bytes; undefined where they are not UTF-8. */
export function utf8Of(bytes: Buffer): string | undefined {
  const text = bytes.toString('utf8');
  // What is no text comes back changed.
  return Buffer.from(text).equals(bytes) ? text : undefined;
}
