import type { JournalRecord } from '../../model/record.ts';
import type { Happening } from './steps.ts';

const TICK_MS = 1_000;

/** How a case goes by, in milliseconds from its start. */
export interface Timetable {
  readonly startAt: number;
  readonly ticks: boolean;
  /** Undefined: to the last happening. */
  readonly untilMs: number | undefined;
}

type CaseRecord = JournalRecord extends infer R ? (R extends JournalRecord ? Omit<R, 'offset' | 'at'> : never) : never;

/**
 * The journal of a case: a start, our connection, and what happens, by arrival. With every full second a tick comes first, unless
 * Weir is stopped.
 */
export function writeJournal(happenings: readonly Happening[], timetable: Timetable): JournalRecord[] {
  const writer = createWriter(timetable);
  writer.start();
  for (const happening of byArrival(happenings)) {
    writer.passTo(happening.at);
    if (happening.kind === 'clock') writer.setClock(happening.to);
    else if (happening.kind === 'starts') writer.start();
    else if (happening.kind === 'stops') writer.stop();
    else writer.write(recordOf(happening));
  }
  if (timetable.untilMs !== undefined) writer.passTo(timetable.untilMs);
  return writer.records;
}

function createWriter({ startAt, ticks }: Timetable) {
  const records: JournalRecord[] = [];
  let now = 0;
  let running = false;
  const write = (draft: CaseRecord) => records.push({ ...draft, offset: records.length, at: startAt + now });
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

function recordOf(happening: Extract<Happening, { kind: 'message' | 'mark' | 'tick' | 'attributes' }>): CaseRecord {
  if (happening.kind === 'attributes') return { kind: 'attributes', device: happening.device, text: happening.text };
  if (happening.kind === 'tick') return { kind: 'tick' };
  if (happening.kind === 'mark') return { kind: 'mark', mark: happening.mark, connection: 0 };
  const payload = new TextEncoder().encode(happening.payload);
  return {
    kind: 'message',
    topic: happening.topic,
    payload,
    connection: 0,
    qos: 1,
    retain: false,
    dup: false,
    packetId: 0,
  };
}

/** In order of arrival, else as listed. When our clock is set, time begins anew: what is listed behind that happens behind it. */
function byArrival(happenings: readonly Happening[]): Happening[] {
  const parts: Happening[][] = [[]];
  for (const happening of happenings) {
    parts.at(-1)!.push(happening);
    if (happening.kind === 'clock') parts.push([]);
  }
  return parts.flatMap((part) => part.sort((a, b) => a.at - b.at));
}
