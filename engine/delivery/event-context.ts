/** What all events have in common: where they come from. */
export interface EventContext {
  /** Identity of the journal whose record caused the event. */
  readonly journalId: string;
  /** Name of the Weir instance, used in the event's source. */
  readonly instance: string;
  /** ClickHouse database of the streams' tables. */
  readonly database: string;
}
