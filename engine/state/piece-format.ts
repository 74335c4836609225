/**
 * How the content of a part of the state is written: values one after the other, each a byte that says what it is (`TAG`) and its content.
 * A small integer is one byte. An integer above `INT32_MAX` is nearly always an instant, and is written as its distance from the last
 * one of the part. An object is its names and values, then `TAG.end`; a name is a byte if it is one of `NAMES`, else a text. A text has a byte
 * for each character if all of them fit, else two: no text is changed by that, unlike in UTF-8, which has no unpaired surrogates.
 */
export const TAG = {
  /** The bytes below `null` are the integers from `least` to `most`. */
  least: -16,
  most: 207,
  null: 224,
  false: 225,
  true: 226,
  nan: 227,
  infinity: 228,
  double: 229,
  integer: 230,
  instant: 231,
  latin1: 232,
  utf16: 233,
  list: 234,
  object: 235,
  end: 236,
  bytes: 237,
} as const;

/** The version of this format, and of what the parts are made of. A change that an earlier version could not read needs another one. */
export const PIECE_VERSION = 1;

/** The first value of a part: its kind. The second is the position of its stream, or broker, among the heads. Parts of other kinds are JSON. */
export const PIECE = { device: 1, group: 2, known: 3, deliveries: 4 } as const;

export const INT32_MAX = 0x7fff_ffff;

/** Frequent names in the states of windows, aggregates, alerts and facts. Their positions are in checkpoints, so new ones come last; at most 224. */
export const NAMES: readonly string[] = [
  ...['panes', 'closedUpTo', 'order', 'from', 'to', 'accumulators', 'n', 'sum', 'error', 'ahead', 'entered', 'front'],
  ...['back', 'total', 'waiting', 'passedAt', 'window', 'time', 'values', 'flags', 'open', 'filling', 'value', 'at'],
  ...['state', 'since', 'changedAt', 'changedOffset', 'level', 'levels', 'watched', 'noise', 'told', 'toldMs'],
  ...['changes', 'flapping', 'heardMs', 'last', 'silent', 'lastSeenAt', 'reason', 'facts', 'conditions', 'evidence'],
  ...['holdsSince', 'clearsSince', 'calmSince', 'detectors', 'min', 'max', 'mean', 'm2', 'count'],
];
