/** An alert as its events on NATS describe it. */
export interface ShownAlert {
  readonly rule: string;
  readonly key: string;
  readonly severity: string;
  /** The message of the firing event. */
  readonly message: string;
  /** When the conditions of the alert became true; milliseconds since the epoch. */
  readonly sinceAt: number;
  /** When the alert was resolved; undefined while it is open. */
  readonly resolvedAt?: number;
}

/** Alerts and counts of this run, from the events that a subscriber to `weir.>` has received. */
export interface AlertTracker {
  /** Open alerts, the newest first. */
  readonly open: readonly ShownAlert[];
  /** The last 20 resolved alerts, the newest first. */
  readonly resolved: readonly ShownAlert[];
  /** Number of events of all types; each event id counts once. */
  readonly events: number;
  readonly firing: number;
  readonly resolvedCount: number;
  /** Adds the body of an event. A body that is not an event of an engine is ignored. */
  add(body: string): void;
  /**
   * Starts to count. Only events caused at this journal offset or later count; events added before this call are evaluated now.
   * `alerts` are the alerts that were open at that offset, the oldest first.
   */
  start(offset: number, alerts: readonly ShownAlert[]): void;
}

const RESOLVED_KEPT = 20;

interface WeirEvent {
  readonly id: string;
  readonly type: string;
  /** Journal offset of the record that caused the event; it is part of the event id. */
  readonly offset: number;
  readonly data: AlertData;
}

/** The `data` of an alert event. */
interface AlertData {
  readonly rule: string;
  readonly key: string;
  readonly severity: string;
  readonly message: string;
  readonly since: string;
  readonly at: string;
}

export function createAlertTracker(): AlertTracker {
  return new EventTracker();
}

class EventTracker implements AlertTracker {
  readonly #open = new Map<string, ShownAlert>();
  readonly #seen = new Set<string>();
  /** Bodies received before `start`; undefined afterwards. */
  #early: string[] | undefined = [];
  #from = 0;
  resolved: readonly ShownAlert[] = [];
  firing = 0;
  resolvedCount = 0;
  events = 0;

  get open(): readonly ShownAlert[] {
    return [...this.#open.values()].reverse();
  }

  start(offset: number, alerts: readonly ShownAlert[]): void {
    const early = this.#early ?? [];
    this.#early = undefined;
    this.#from = offset;
    for (const alert of alerts) this.#open.set(nameOf(alert), alert);
    for (const body of early) this.add(body);
  }

  add(body: string): void {
    if (this.#early !== undefined) {
      this.#early.push(body);
      return;
    }
    const event = parseEvent(body);
    // A core NATS subscriber also receives the duplicates that JetStream drops.
    if (event === undefined || event.offset < this.#from || this.#seen.has(event.id)) return;
    this.#seen.add(event.id);
    this.events += 1;
    if (event.type === 'weir.alert.firing') this.#fire(event.data);
    else if (event.type === 'weir.alert.resolved') this.#resolve(event.data);
  }

  #fire(data: AlertData): void {
    this.firing += 1;
    const name = nameOf(data);
    this.#open.delete(name);
    this.#open.set(name, shown(data));
  }

  #resolve(data: AlertData): void {
    this.resolvedCount += 1;
    const name = nameOf(data);
    const fired = this.#open.get(name) ?? shown(data);
    this.#open.delete(name);
    this.resolved = [{ ...fired, resolvedAt: Date.parse(data.at) }, ...this.resolved].slice(0, RESOLVED_KEPT);
  }
}

function nameOf({ rule, key }: { readonly rule: string; readonly key: string }): string {
  return `${rule}\n${key}`;
}

function shown({ rule, key, severity, message, since }: AlertData): ShownAlert {
  return { rule, key, severity, message, sinceAt: Date.parse(since) };
}

function parseEvent(body: string): WeirEvent | undefined {
  try {
    const { id, type, data } = JSON.parse(body) as Omit<WeirEvent, 'offset'>;
    const offset = Number(id.split('.')[1]);
    return Number.isNaN(offset) ? undefined : { id, type, offset, data };
  } catch {
    // Other clients may also publish below `weir.`.
    return undefined;
  }
}
