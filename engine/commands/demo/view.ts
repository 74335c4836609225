import stringWidth from 'string-width';
import { formatDuration } from '../../model/duration.ts';
import { count } from '../../model/printable.ts';
import type { AlertTracker, ShownAlert } from './alert-tracker.ts';
import type { EngineFigures, StoredCounts } from './counts.ts';
import type { Hints } from './hints.ts';
import { clock, column, heightOf, line, type Style, type StyledText, size } from './text.ts';

/** The data that the live view shows. */
export interface View {
  /** The current time; milliseconds since the epoch. */
  readonly now: number;
  /** What the demo does now, in a few words. */
  readonly phase: string;
  readonly elapsedMs: number;
  readonly forMs: number | undefined;
  readonly devices: number;
  readonly everyMs: number;
  /** Number of messages that the broker has acknowledged. */
  readonly published: number;
  readonly publishedPerSecond: number;
  readonly rowsPerSecond: number;
  readonly stored: StoredCounts;
  readonly engine: EngineFigures;
  readonly alerts: Pick<AlertTracker, 'open' | 'resolved' | 'events' | 'firing' | 'resolvedCount'>;
  /** Faults that are active now, each with its number of devices. */
  readonly faults: readonly (readonly [fault: string, devices: number])[];
  /** Undefined once the servers have nothing more to show. */
  readonly hints: Hints | undefined;
}

/** The size of the terminal, and whether colours are allowed. */
export interface TerminalFormat {
  readonly columns: number;
  readonly rows: number;
  readonly color: boolean;
}

type Spans = readonly (StyledText | string)[];

const SEVERITIES: Readonly<Record<string, Style>> = { critical: 'red', warning: 'yellow', info: 'cyan' };

/** If fewer rows than this would remain for alerts, the hints are left out. */
const LEAST_BODY_ROWS = 6;

/**
 * Renders the view as lines that take at most `rows - 1` rows of the terminal. All lines fit its width, except the commands, which are
 * not cut so that they can be copied. The commands come last, and are left out if there is no room.
 */
export function renderView(view: View, format: TerminalFormat): string[] {
  const draw = (spans: Spans) => line(spans, format.columns, format.color);
  const head = headLines(view).map(draw);
  const foot = view.hints === undefined ? [] : footLines(view.hints, format);
  const room = Math.max(1, format.rows - 1) - head.length;
  const footRows = heightOf(foot, format.columns);
  const hasFoot = room - footRows >= LEAST_BODY_ROWS;
  const body = bodyLines(view, hasFoot ? room - footRows : room).map(draw);
  return [...head, ...body, ...(hasFoot ? foot : [])].slice(0, Math.max(1, format.rows - 1));
}

function headLines(view: View): Spans[] {
  const { stored, engine, faults } = view;
  const visiting = stored.visiting.rows + stored.visiting.rejected;
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
      ...(visiting > 0 ? [{ text: `  your messages ${count(visiting)}`, style: 'cyan' } as const] : []),
      ...(faults.length > 0 ? [`  faults: ${faults.map(([fault, devices]) => `${fault} ${devices}`).join(', ')}`] : []),
    ],
  ];
}

function reasons(stored: StoredCounts, engine: EngineFigures): Spans {
  const by = stored.rejectedBy.map(([reason, messages]) => `${reason} ${count(messages)}`).join(', ');
  const dropped = engine.dropped.map(([what, times]) => `  ${what} ${count(times)}`).join('');
  return [`${count(stored.rejected)}${by === '' ? '' : `: ${by}`}`, { text: dropped, style: 'yellow' }];
}

/** With fewer rows than this there are no blank lines, so that more alerts fit. */
const ROWS_FOR_BLANKS = 12;

/** Fills the room with alerts: open ones first, with up to a sixth of the lines for resolved ones. */
function bodyLines({ alerts, now }: View, room: number): Spans[] {
  const blanks: Spans[] = room >= ROWS_FOR_BLANKS ? [[]] : [];
  const forAlerts = room - 2 - 2 * blanks.length;
  if (forAlerts < 1) return [];
  const { open, resolved } = alerts;
  const reserved = Math.min(resolved.length, Math.floor(forAlerts / 6));
  const shown = open.slice(0, forAlerts - reserved);
  const past = resolved.slice(0, forAlerts - shown.length);
  const more = open.length > shown.length ? `, ${open.length - shown.length} more` : '';
  const tally = `  fired ${count(alerts.firing)}, resolved ${count(alerts.resolvedCount)}, events on NATS ${count(alerts.events)}`;
  return [
    ...blanks,
    [
      { text: `OPEN ALERTS ${open.length}${more}`, style: 'bold' },
      { text: tally, style: 'dim' },
    ],
    ...shown.map((alert) => alertLine(alert, clock(now - alert.sinceAt))),
    [
      { text: 'RESOLVED', style: 'bold' },
      { text: '  with the time each was open', style: 'dim' },
    ],
    ...past.map((alert) => alertLine(alert, clock((alert.resolvedAt ?? now) - alert.sinceAt))),
    ...blanks,
  ];
}

function alertLine({ severity, rule, key, message, resolvedAt }: ShownAlert, lasted: string): Spans {
  const style = resolvedAt === undefined ? SEVERITIES[severity] : 'green';
  return [
    { text: column(severity, 9), ...(style !== undefined && { style }) },
    `${column(rule, 22)}${column(key, 10)}${lasted.padStart(5)}  `,
    // Most messages begin with the key, which the line already shows.
    { text: message.startsWith(`${key} `) ? message.slice(key.length + 1) : message, style: 'dim' },
  ];
}

function footLines(hints: Hints, { columns, color }: TerminalFormat): string[] {
  const places = [`metrics ${hints.metricsUrl}`, `log ${hints.log}`, `config ${hints.config}`];
  return [
    line([{ text: 'TRY IT YOURSELF: run these in another terminal, in this folder', style: 'bold' }], columns, color),
    hints.curl,
    hints.subscribe,
    hints.publish,
    ...packed(places, columns),
  ];
}

/** Joins texts into lines of at most `columns` columns, in order. */
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

/** Renders one status line for logs and pipes. */
export function renderStatus(view: View): string {
  const { stored, alerts, engine } = view;
  return [
    clock(view.elapsedMs).padStart(5),
    `published ${view.published}`,
    `rows ${stored.rows}`,
    `late ${stored.late}`,
    `rejected ${stored.rejected}`,
    `alerts ${alerts.open.length} open, ${alerts.firing} fired, ${alerts.resolvedCount} resolved`,
    `lag ${Math.round(engine.lagMs)} ms`,
  ].join('  ');
}
