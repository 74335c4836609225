/** A way to group the readings of a stream. */
export interface Keying {
  /** Position in the stream's `keyings`. */
  readonly index: number;
  readonly per: readonly string[];
  /** Where each part comes from: -1 the device, else the index of a label. */
  readonly parts: readonly number[];
  /** Each key is one device. */
  readonly byDevice: boolean;
}
