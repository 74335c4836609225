import type { JournalRecord } from '../../model/record.ts';
import type { CaseAction } from './case-action.ts';

const TICK_MS = 1_000;

/** The time of a case. */
export interface Timetable {
  /** Milliseconds since the epoch. */
  readonly startAt: number;
  /** Whether there is a tick at every full second. */
  readonly ticks: boolean;
  /** End of the case, milliseconds from its start. Undefined: the last action. */
  readonly untilMs: number | undefined;
}

type UntimedRecord = JournalRecord extends infer R
  ? R extends JournalRecord
    ? Omit<R, 'offset' | 'at'>
    : never
  : never;

/**
 * The journal of a case: the start of Weir, its connection, and the actions in the order of arrival. At every full second a tick comes first,
 * unless Weir is stopped.
 */
export function writeJournal(actions: readonly CaseAction[], timetable: Timetable): JournalRecord[] {
  const writer = createWriter(timetable);
  writer.start();
  for (const action of byArrival(actions)) {
    writer.passTo(action.at);
    if (action.kind === 'clock') writer.setClock(action.to);
    else if (action.kind === 'starts') writer.start();
    else if (action.kind === 'stops') writer.stop();
    else writer.write(recordOf(action));
  }
  if (timetable.untilMs !== undefined) writer.passTo(timetable.untilMs);
  return writer.records;
}

function createWriter({ startAt, ticks }: Timetable) {
  const records: JournalRecord[] = [];
  let now = 0;
  let running = false;
  const write = (draft: UntimedRecord) => records.push({ ...draft, offset: records.length, at: startAt + now });
  return {
    records,
    write,
    start() {
      running = true;
      write({ kind: 'mark', mark: 'started', connection: -1 });
      write({ kind: 'mark', mark: 'connected', connection: 0 });
    },
    stop() {
      running = false;
    },
    setClock(to: number) {
      now = to;
    },
    passTo(at: number) {
      for (let tick = (Math.floor(now / TICK_MS) + 1) * TICK_MS; tick <= at && ticks && running; tick += TICK_MS) {
        now = tick;
        write({ kind: 'tick' });
      }
      now = at;
    },
  };
}

function recordOf(action: Extract<CaseAction, { kind: 'message' | 'mark' | 'tick' | 'attributes' }>): UntimedRecord {
  if (action.kind === 'attributes') return { kind: 'attributes', device: action.device, text: action.text };
  if (action.kind === 'tick') return { kind: 'tick' };
  if (action.kind === 'mark') return { kind: 'mark', mark: action.mark, connection: 0 };
  const payload = new TextEncoder().encode(action.payload);
  return {
    kind: 'message',
    topic: action.topic,
    payload,
    connection: 0,
    qos: 1,
    retain: false,
    dup: false,
    packetId: 0,
  };
}

/** Sorts actions by arrival; actions at the same time keep their order. Actions that are listed after a change of the clock stay after it. */
function byArrival(actions: readonly CaseAction[]): CaseAction[] {
  const parts: CaseAction[][] = [[]];
  for (const action of actions) {
    parts.at(-1)!.push(action);
    if (action.kind === 'clock') parts.push([]);
  }
  return parts.flatMap((part) => part.sort((a, b) => a.at - b.at));
}
