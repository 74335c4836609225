import stringWidth from 'string-width';
import { formatDuration } from '../../model/duration.ts';
import { count } from '../../model/printable.ts';
import type { Board, ShownAlert } from './board.ts';
import type { Lookups } from './lookups.ts';
import type { EngineFigures, StoredCounts } from './observe.ts';
import { clock, column, heightOf, line, type Style, type StyledText, size } from './text.ts';

/** Everything that the live view shows. */
export interface View {
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** What goes on, in a few words. */
  readonly phase: string;
  readonly elapsedMs: number;
  readonly forMs: number | undefined;
  readonly devices: number;
  readonly everyMs: number;
  /** Acknowledged by the broker so far. */
  readonly published: number;
  readonly publishedPerSecond: number;
  readonly rowsPerSecond: number;
  readonly stored: StoredCounts;
  readonly engine: EngineFigures;
  readonly board: Pick<Board, 'open' | 'resolved' | 'events' | 'firing' | 'resolvedCount'>;
  /** Faults under way with the number of devices that have them. */
  readonly faults: readonly (readonly [fault: string, devices: number])[];
  /** Undefined once there is nothing left to look at. */
  readonly lookups: Lookups | undefined;
}

/** The terminal's size, and whether it may be coloured. */
export interface Paper {
  readonly columns: number;
  readonly rows: number;
  readonly color: boolean;
}

type Spans = readonly (StyledText | string)[];

const SEVERITIES: Readonly<Record<string, Style>> = { critical: 'red', warning: 'yellow', info: 'cyan' };

/** With less than this for alerts, seeing what happens is worth more than how to look elsewhere. */
const LEAST_BODY_ROWS = 6;

/**
 * The view as lines that together take at most `rows - 1` rows of the terminal. All fit its width but the commands, which must
 * stay whole to be copied; the part that they stand in comes last, and is left out where there is no room.
 */
export function renderView(view: View, paper: Paper): string[] {
  const draw = (spans: Spans) => line(spans, paper.columns, paper.color);
  const head = headLines(view).map(draw);
  const foot = view.lookups === undefined ? [] : footLines(view.lookups, paper);
  const room = Math.max(1, paper.rows - 1) - head.length;
  const footRows = heightOf(foot, paper.columns);
  const hasFoot = room - footRows >= LEAST_BODY_ROWS;
  const body = bodyLines(view, hasFoot ? room - footRows : room).map(draw);
  return [...head, ...body, ...(hasFoot ? foot : [])].slice(0, Math.max(1, paper.rows - 1));
}

function headLines(view: View): Spans[] {
  const { stored, engine, faults } = view;
  const yours = stored.visiting.rows + stored.visiting.rejected;
  const time = view.forMs === undefined ? clock(view.elapsedMs) : `${clock(view.elapsedMs)} of ${clock(view.forMs)}`;
  return [
    [
      { text: 'Weir demo', style: 'bold' },
      `  ${time}  ${view.devices} devices, every ${formatDuration(view.everyMs)}  `,
      { text: view.phase, style: 'dim' },
    ],
    [
      { text: 'now      ', style: 'dim' },
      `readings ${view.publishedPerSecond.toFixed(1)}/s  rows ${view.rowsPerSecond.toFixed(1)}/s`,
      `  lag ${Math.round(engine.lagMs)} ms  pending ${size(engine.pendingBytes)}  engine ${size(engine.residentBytes)}`,
      ...(engine.paused ? [{ text: '  intake stopped', style: 'red' } as const] : []),
    ],
    [
      { text: 'so far   ', style: 'dim' },
      `published ${count(view.published)}  journaled ${count(engine.journaled)}  rows ${count(stored.rows)}`,
      `  late ${count(stored.late)}  clamped ${count(stored.clamped)}`,
    ],
    [{ text: 'rejected ', style: 'dim' }, ...reasons(stored, engine)],
    [
      { text: 'devices  ', style: 'dim' },
      `${stored.online} online, ${stored.offline} offline`,
      ...(yours > 0 ? [{ text: `  your messages ${count(yours)}`, style: 'cyan' } as const] : []),
      ...(faults.length > 0 ? [`  broken: ${faults.map(([fault, devices]) => `${fault} ${devices}`).join(', ')}`] : []),
    ],
  ];
}

function reasons(stored: StoredCounts, engine: EngineFigures): Spans {
  const by = stored.rejectedBy.map(([reason, messages]) => `${reason} ${count(messages)}`).join(', ');
  const given = engine.givenUp.map(([what, times]) => `  ${what} ${count(times)}`).join('');
  return [`${count(stored.rejected)}${by === '' ? '' : `: ${by}`}`, { text: given, style: 'yellow' }];
}

/** Below this every row is worth an alert. */
const ROWS_FOR_BLANKS = 12;

/** Alerts in as many lines as there is room for: the open ones first, but for a few of those that are over. */
function bodyLines({ board, now }: View, room: number): Spans[] {
  const blanks: Spans[] = room >= ROWS_FOR_BLANKS ? [[]] : [];
  const forAlerts = room - 2 - 2 * blanks.length;
  if (forAlerts < 1) return [];
  const { open, resolved } = board;
  const kept = Math.min(resolved.length, Math.floor(forAlerts / 6));
  const shown = open.slice(0, forAlerts - kept);
  const over = resolved.slice(0, forAlerts - shown.length);
  const more = open.length > shown.length ? `, ${open.length - shown.length} more` : '';
  const tally = `  fired ${count(board.firing)}, resolved ${count(board.resolvedCount)}, events on NATS ${count(board.events)}`;
  return [
    ...blanks,
    [
      { text: `OPEN ALERTS ${open.length}${more}`, style: 'bold' },
      { text: tally, style: 'dim' },
    ],
    ...shown.map((alert) => alertLine(alert, clock(now - alert.sinceAt))),
    [
      { text: 'RESOLVED', style: 'bold' },
      { text: '  and how long they lasted', style: 'dim' },
    ],
    ...over.map((alert) => alertLine(alert, clock((alert.resolvedAt ?? now) - alert.sinceAt))),
    ...blanks,
  ];
}

function alertLine({ severity, rule, key, message, resolvedAt }: ShownAlert, lasted: string): Spans {
  const style = resolvedAt === undefined ? SEVERITIES[severity] : 'green';
  return [
    { text: column(severity, 9), ...(style !== undefined && { style }) },
    `${column(rule, 22)}${column(key, 10)}${lasted.padStart(5)}  `,
    // Most messages begin with what the line has already said.
    { text: message.startsWith(`${key} `) ? message.slice(key.length + 1) : message, style: 'dim' },
  ];
}

function footLines(lookups: Lookups, { columns, color }: Paper): string[] {
  const places = [`metrics ${lookups.metricsUrl}`, `log ${lookups.log}`, `config ${lookups.config}`];
  return [
    line([{ text: 'LOOK FOR YOURSELF, in another terminal in this folder', style: 'bold' }], columns, color),
    lookups.curl,
    lookups.subscribe,
    lookups.publish,
    ...packed(places, columns),
  ];
}

/** As many texts on a line as fit, in order. */
function packed(texts: readonly string[], columns: number): string[] {
  const lines: string[] = [];
  for (const text of texts) {
    const last = lines.at(-1);
    if (last !== undefined && stringWidth(last) + 2 + stringWidth(text) <= columns)
      lines[lines.length - 1] = `${last}  ${text}`;
    else lines.push(text);
  }
  return lines;
}

/** One line for logs and pipes. */
export function renderStatus(view: View): string {
  const { stored, board, engine } = view;
  return [
    clock(view.elapsedMs).padStart(5),
    `published ${view.published}`,
    `rows ${stored.rows}`,
    `late ${stored.late}`,
    `rejected ${stored.rejected}`,
    `alerts ${board.open.length} open, ${board.firing} fired, ${board.resolvedCount} resolved`,
    `lag ${Math.round(engine.lagMs)} ms`,
  ].join('  ');
}
