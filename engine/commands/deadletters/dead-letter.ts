/** A dead letter: a message with all its faults. */
export interface DeadLetter {
  /** Receive time: milliseconds since the epoch, with microseconds as a fraction. */
  readonly at: number;
  /** Offset of the message in the journal of the engine that received it. */
  readonly offset: number;
  readonly topic: string;
  /** Empty unless the query requested payloads. */
  readonly payload: Buffer;
  /** Bytes of the payload. */
  readonly bytes: number;
  /** At least one fault. Each is a row of the table. */
  readonly faults: readonly DeadLetterFault[];
}

/** A fault of a dead letter: one row of the table. */
export interface DeadLetterFault {
  readonly id: bigint;
  /** When the message arrived; milliseconds since the epoch. */
  readonly receivedAt: number;
  /** Name of the stream, or of the table for a refused row; empty if no topic matched. */
  readonly stream: string;
  readonly reason: string;
  readonly detail: string;
  /** Whether this row has the payload. Only the first fault of a message has it. */
  readonly hasPayload: boolean;
  /** When it was retried, milliseconds since the epoch; undefined if it was not retried yet. */
  readonly retriedAt: number | undefined;
}

/** The ID of a dead letter: `<offset>-<receive time>`, with the time in milliseconds since the epoch in base 36. Without the time, it matches every dead letter with the offset. */
export interface DeadLetterId {
  readonly text: string;
  readonly offset: string;
  readonly at: number | undefined;
}

/** The ID of a dead letter. Several journals may use the same offset, but hardly in the same millisecond. */
export function idOf({ offset, at }: Pick<DeadLetter, 'offset' | 'at'>): string {
  return `${offset}-${Math.floor(at).toString(36)}`;
}

/** Parses an ID; undefined if the text is not an ID. */
export function parseId(text: string): DeadLetterId | undefined {
  const [, offset, time] = /^(\d{1,15})(?:-([0-9a-z]{1,10}))?$/.exec(text) ?? [];
  if (offset === undefined) return undefined;
  return { text, offset, at: time === undefined ? undefined : Number.parseInt(time, 36) };
}

/** Selects dead letters that have a fault which matches all of these. */
export interface DeadLetterFilter {
  readonly ids?: readonly DeadLetterId[];
  readonly stream?: string | undefined;
  readonly reason?: string | undefined;
  /** An MQTT topic filter. */
  readonly topic?: string | undefined;
  /** Received at or after this instant; milliseconds since the epoch. */
  readonly since?: number | undefined;
  /** Whether to include dead letters that were retried. */
  readonly retried: boolean;
}

/** A page of a list of dead letters. */
export interface DeadLetterPage {
  /** The most dead letters. With payloads there may be fewer, so that they do not fill the memory. */
  readonly limit: number;
  readonly order: 'newest' | 'oldest';
  /** The page continues after this dead letter. */
  readonly after?: DeadLetter | undefined;
  /** Whether to read the payloads. */
  readonly payload: boolean;
}

/** The dead letters of a database. */
export interface DeadLetters {
  /** False if no engine has created the table yet; then there are no dead letters. */
  readonly exist: boolean;
  /** Reads a page; it is empty if there are no more dead letters. */
  find(filter: DeadLetterFilter, page: DeadLetterPage): Promise<DeadLetter[]>;
  /** Counts dead letters. Numbers above `EXACT` are estimates. */
  count(filter: DeadLetterFilter): Promise<DeadLetterCount>;
}

/** The number of dead letters, and how many have a fault of each reason, the most frequent first. */
export interface DeadLetterCount {
  readonly letters: number;
  readonly reasons: readonly (readonly [string, number])[];
}

/** The largest number that `uniq` of ClickHouse counts exactly. */
export const EXACT = 65_536;
