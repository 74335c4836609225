/** An alert as its events on NATS tell of it. */
export interface ShownAlert {
  readonly rule: string;
  readonly key: string;
  readonly severity: string;
  /** What it said when it fired. */
  readonly message: string;
  /** When its conditions began to hold; milliseconds since the epoch. */
  readonly sinceAt: number;
  /** Undefined while it is open. */
  readonly resolvedAt?: number;
}

/** What a subscriber to `weir.>` has seen of this run. */
export interface Board {
  /** Newest first. */
  readonly open: readonly ShownAlert[];
  /** Newest first, the last few. */
  readonly resolved: readonly ShownAlert[];
  /** Events of every kind, each id once. */
  readonly events: number;
  readonly firing: number;
  readonly resolvedCount: number;
  /** Takes in the body of an event; what is no event of an engine is passed over. */
  take(body: string): void;
  /**
   * Begins to count, with the first event that was caused at this journal offset or later; those taken in before are looked at now.
   * `alerts` were open by then, the oldest first.
   */
  begin(offset: number, alerts: readonly ShownAlert[]): void;
}

const RESOLVED_KEPT = 20;

interface WeirEvent {
  readonly id: string;
  readonly type: string;
  /** Journal offset of what caused it, which its id names. */
  readonly offset: number;
  readonly data: AlertData;
}

/** Of an event that is an alert's. */
interface AlertData {
  readonly rule: string;
  readonly key: string;
  readonly severity: string;
  readonly message: string;
  readonly since: string;
  readonly at: string;
}

export function createBoard(): Board {
  return new EventBoard();
}

class EventBoard implements Board {
  readonly #open = new Map<string, ShownAlert>();
  readonly #seen = new Set<string>();
  #early: string[] | undefined = [];
  #from = 0;
  resolved: readonly ShownAlert[] = [];
  firing = 0;
  resolvedCount = 0;
  events = 0;

  get open(): readonly ShownAlert[] {
    return [...this.#open.values()].reverse();
  }

  begin(offset: number, alerts: readonly ShownAlert[]): void {
    const early = this.#early ?? [];
    this.#early = undefined;
    this.#from = offset;
    for (const alert of alerts) this.#open.set(nameOf(alert), alert);
    for (const body of early) this.take(body);
  }

  take(body: string): void {
    if (this.#early !== undefined) {
      this.#early.push(body);
      return;
    }
    const event = parseEvent(body);
    // A core subscriber also sees what JetStream drops as a repetition.
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
    // Anybody may publish below `weir.`.
    return undefined;
  }
}
