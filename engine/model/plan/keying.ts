/** A way to group the readings of a stream. */
export interface Keying {
  /** Position in the stream's `keyings`. */
  readonly index: number;
  readonly per: readonly string[];
  /** Source of each part: -1 is the device, any other number is the index of a label. */
  readonly parts: readonly number[];
  /** Whether each key is one device. */
  readonly byDevice: boolean;
}
