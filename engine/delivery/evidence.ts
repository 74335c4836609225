import { formatTime } from './cloud-event.ts';

/** Which rows of which table. */
export interface EvidenceQuery {
  readonly database: string;
  readonly table: string;
  /** Columns and the values they must have. */
  readonly where: readonly (readonly [column: string, value: string])[];
  /** Event time, milliseconds since the epoch; both bounds belong to the range. */
  readonly from: number;
  readonly to: number;
}

const PLAIN_NAME = /^[a-z_][a-z0-9_]*$/;
/** Weir's own columns, known not to be words of SQL that need quotes. */
const PLAIN_COLUMNS: ReadonlySet<string> = new Set(['device', 'time']);
/** Everything that could end a literal, or make the query more than one line. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what must not pass.
const ESCAPED = /[\\'`\u0000-\u001f\u007f]/g;

/** One line of ClickHouse SQL for the rows behind an event, oldest first, ready to be pasted into any client. */
export function evidenceSql(query: EvidenceQuery): string {
  const equals = query.where.map(([column, value]) => `${quoteColumn(column)} = '${escapeText(value)}'`);
  const conditions = [...equals, `time >= ${timeLiteral(query.from)}`, `time <= ${timeLiteral(query.to)}`];
  const table = `${quoteName(query.database)}.${quoteName(query.table)}`;
  return `SELECT * FROM ${table} WHERE ${conditions.join(' AND ')} ORDER BY time`;
}

function timeLiteral(at: number): string {
  return `toDateTime64('${formatTime(at).slice(0, -1).replace('T', ' ')}', 6, 'UTC')`;
}

function quoteColumn(name: string): string {
  return PLAIN_COLUMNS.has(name) ? name : `\`${escapeText(name)}\``;
}

function quoteName(name: string): string {
  return PLAIN_NAME.test(name) ? name : `\`${escapeText(name)}\``;
}

function escapeText(text: string): string {
  return text.replace(ESCAPED, escapeCharacter);
}

function escapeCharacter(character: string): string {
  const code = character.charCodeAt(0);
  if (code < 0x20 || code === 0x7f) return `\\x${code.toString(16).padStart(2, '0')}`;
  return `\\${character}`;
}
