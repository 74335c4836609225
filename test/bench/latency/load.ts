/** Messages that are published at a fixed rate. Some of them change the state of an alert. */
export interface Load {
  /** Number of the first message. Each message carries its number, which is unique in a run. */
  readonly first: number;
  readonly count: number;
  readonly perSecond: number;
  /** The first message and then every so many change the state of an alert. 0: none does. */
  readonly alertEvery: number;
}

/** What the parent asks of a child process: to measure (or publish) a load, or to send what it has measured and stop measuring. */
export type LoadRequest = { readonly begin: Load } | 'take';

/** Number of alerts that a load causes. */
export function alertsOf({ count, alertEvery }: Load): number {
  return alertEvery === 0 ? 0 : Math.ceil(count / alertEvery);
}

/** Which alert of a load a message causes, from 0 on; undefined if it causes none or belongs to another load. */
export function alertOf({ first, count, alertEvery }: Load, n: number): number | undefined {
  const i = n - first;
  return alertEvery > 0 && i >= 0 && i < count && i % alertEvery === 0 ? i / alertEvery : undefined;
}

/** When each alert of a load passed something (`sharedNow`); 0 if it has not. */
export type Instants = Float64Array;

/** What the engine, or the baseline in its place, measured during a load. */
export interface Measured {
  /** User and system time of the process; microseconds. */
  readonly cpuUs: number;
  /** Absent for the baseline. */
  readonly trace?: Trace;
}

export interface Trace {
  /** The connector passed the message to the engine. */
  readonly readAt: Instants;
  /** The message was durable in the journal. */
  readonly durableAt: Instants;
  /** The sink of events received the event. */
  readonly offeredAt: Instants;
  /** The sink of events confirmed the event. */
  readonly confirmedAt: Instants;
  /** Durations of the durable writes of the journal; milliseconds. */
  readonly syncs: readonly number[];
  /** Durations of garbage collections; milliseconds. */
  readonly collections: readonly number[];
}
