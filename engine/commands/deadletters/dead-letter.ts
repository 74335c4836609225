/** A message among the dead letters, with all that was wrong with it. */
export interface DeadLetter {
  /** Receive time: milliseconds since the epoch, with microseconds as a fraction. */
  readonly at: number;
  /** Journal offset of the message, in the journal of the engine that took it in. */
  readonly offset: number;
  readonly topic: string;
  /** Empty where it was not asked for. */
  readonly payload: Buffer;
  /** Bytes of the payload. */
  readonly bytes: number;
  /** At least one; each is a row of the table. */
  readonly faults: readonly DeadLetterFault[];
}

export interface DeadLetterFault {
  readonly id: bigint;
  readonly receivedAt: number;
  /** Stream (of a refused row, table); empty where no topic matched. */
  readonly stream: string;
  readonly reason: string;
  readonly detail: string;
  /** Holds the payload of the message, which of several rejections only the first does. */
  readonly hasPayload: boolean;
  /** When it was given to the engine anew; undefined: not yet. */
  readonly retriedAt: number | undefined;
}

/** `<offset>-<receive time>`, the time in milliseconds since the epoch to the base 36; without it, whatever has the offset. */
export interface DeadLetterId {
  readonly text: string;
  readonly offset: string;
  readonly at: number | undefined;
}

/** The ID of a letter: several journals may count the same offset, hardly in the same millisecond. */
export function idOf({ offset, at }: Pick<DeadLetter, 'offset' | 'at'>): string {
  return `${offset}-${Math.floor(at).toString(36)}`;
}

/** Undefined where the text is no ID. */
export function parseId(text: string): DeadLetterId | undefined {
  const [, offset, time] = /^(\d{1,15})(?:-([0-9a-z]{1,10}))?$/.exec(text) ?? [];
  if (offset === undefined) return undefined;
  return { text, offset, at: time === undefined ? undefined : Number.parseInt(time, 36) };
}

/** Which letters are meant: those that have a fault which meets all that is said. */
export interface DeadLetterFilter {
  readonly ids?: readonly DeadLetterId[];
  readonly stream?: string | undefined;
  readonly reason?: string | undefined;
  /** An MQTT topic filter. */
  readonly topic?: string | undefined;
  /** Received since; milliseconds since the epoch. */
  readonly since?: number | undefined;
  /** Also those that were retried. */
  readonly retried: boolean;
}

export interface DeadLetterPage {
  /** At most; with payloads it may be less, so that they do not fill the memory. */
  readonly limit: number;
  readonly order: 'newest' | 'oldest';
  /** Goes on behind this letter. */
  readonly after?: DeadLetter | undefined;
  readonly payload: boolean;
}

/** The dead letters of a database. */
export interface DeadLetters {
  /** False where no engine has made the table yet: then there are none. */
  readonly exist: boolean;
  /** None where there are no more. */
  find(filter: DeadLetterFilter, page: DeadLetterPage): Promise<DeadLetter[]>;
  /** How many there are, and how many have a fault of each reason, the most first. Numbers above `EXACT` are estimates. */
  count(filter: DeadLetterFilter): Promise<DeadLetterCount>;
}

export interface DeadLetterCount {
  readonly letters: number;
  readonly reasons: readonly (readonly [string, number])[];
}

/** Up to so many ClickHouse's `uniq` counts exactly. */
export const EXACT = 65_536;
