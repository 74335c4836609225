import type { Transition } from '../model/item/alert.ts';
import type { Plan, StreamPlan } from '../model/plan/plan.ts';
import type { RulePlan } from '../model/plan/rule-plan.ts';
import type { RowStream, ViewRows } from '../model/row-stream.ts';
import { formatTime } from './cloud-event.ts';

/** Where the rows of a rule's stream are. For a correlation: the rows of its first stream, and those of the second as `other`. */
export function rowStreamOf(plan: Plan, { origin, name }: StreamPlan): RowStream {
  if (origin.kind === 'correlation') {
    const apartMs = origin.join.kind === 'last' ? origin.join.lastMs : 0;
    const other = { stream: rowStreamOf(plan, plan.streams[origin.with]!), apartMs };
    return { ...rowStreamOf(plan, plan.streams[origin.of]!), other };
  }
  if (origin.kind === 'devices') return { name };
  const view = plan.rules[origin.rule]!;
  return { name, viewRows: { per: view.keying.per, behindMs: behindOf(view) } };
}

function behindOf(view: RulePlan): ViewRows['behindMs'] {
  const kind = view.kind === 'window' ? view.window.kind : undefined;
  if (kind === 'tumbling' || kind === 'hopping' || kind === 'session') return [1, 1];
  // A window that reaches `maxMs` ends after its last instant; other windows end with a reading.
  return kind === 'state' ? [0, 1] : [0, 0];
}

/** Time bounds of the rows that led to a change of an alert. */
export function rowBounds({ from, to }: Transition['evidence'], { viewRows }: RowStream): Transition['evidence'] {
  const [least, most] = viewRows?.behindMs ?? [0, 0];
  return { from: from + least, to: to + most };
}

/**
 * The query for the rows that led to a change of an alert, whose rule groups by `per`. If the rule uses two streams, `with` is the query for the
 * second.
 */
export function evidenceOf(
  transition: Pick<Transition, 'key' | 'evidence'>,
  per: readonly string[],
  stream: RowStream,
  database: string,
): Transition['evidence'] & { readonly sql: string; readonly with?: string } {
  const own = rowsOf(transition, per, stream, database);
  const { other } = stream;
  if (other === undefined) return own;
  const { key, evidence } = transition;
  const around = { from: evidence.from - other.apartMs, to: evidence.to + other.apartMs };
  return { ...own, with: rowsOf({ key, evidence: around }, per, other.stream, database).sql };
}

function rowsOf(
  { key, evidence }: Pick<Transition, 'key' | 'evidence'>,
  per: readonly string[],
  stream: RowStream,
  database: string,
): Transition['evidence'] & { readonly sql: string } {
  const bounds = rowBounds(evidence, stream);
  const { name, viewRows } = stream;
  if (viewRows === undefined) {
    let conditions = '';
    for (let i = 0; i < per.length; i++)
      conditions += `${quoteColumn(per[i]!)} = '${escapeText(key.parts[i] ?? '')}' AND `;
    return { ...bounds, sql: selectSql(database, name, conditions, bounds) };
  }
  const parts = per.map((name, i) => [name, key.parts[i] ?? ''] as const);
  const whole = per.join('\n') === viewRows.per.join('\n');
  const where = [['rule', name] as const, ...(whole ? [['key', key.text] as const] : [])];
  const labels = whole ? [] : parts;
  return { ...bounds, sql: evidenceSql({ ...bounds, database, table: 'facts', where, labels }) };
}

/** The table and the conditions of an evidence query. */
export interface EvidenceQuery {
  readonly database: string;
  readonly table: string;
  /** Columns and their required values. */
  readonly where: readonly (readonly [column: string, value: string])[];
  /** Entries of the column `labels` and their required values. */
  readonly labels?: readonly (readonly [name: string, value: string])[];
  /** Event time, milliseconds since the epoch; both bounds are inclusive. */
  readonly from: number;
  readonly to: number;
}

const PLAIN_NAME = /^[a-z_][a-z0-9_]*$/;
/** Columns of Weir that need no quotes in SQL. */
const PLAIN_COLUMNS: ReadonlySet<string> = new Set(['device', 'key', 'rule', 'time']);
/** Most texts, which need no escape. */
const UNESCAPED = /^[A-Za-z0-9 ._:/-]*$/;
/** Characters that could end a literal or break the line. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what must be escaped.
const ESCAPED = /[\\'`\u0000-\u001f\u007f]/g;

/** One line of ClickHouse SQL that selects the rows, oldest first. It can be pasted into any client. */
export function evidenceSql(query: EvidenceQuery): string {
  const equals = query.where.map(([column, value]) => `${quoteColumn(column)} = '${escapeText(value)}'`);
  const labels = (query.labels ?? []).map(([name, value]) => `labels['${escapeText(name)}'] = '${escapeText(value)}'`);
  const conditions = [...equals, ...labels].map((condition) => `${condition} AND `);
  return selectSql(query.database, query.table, conditions.join(''), query);
}

/** Each condition ends in ` AND `. */
function selectSql(database: string, table: string, conditions: string, { from, to }: Transition['evidence']): string {
  const fromText = timeLiteral(from);
  const toText = to === from ? fromText : timeLiteral(to);
  return `SELECT * FROM ${quoteName(database)}.${quoteName(table)} WHERE ${conditions}time >= ${fromText} AND time <= ${toText} ORDER BY time`;
}

function timeLiteral(at: number): string {
  const text = formatTime(at);
  return `toDateTime64('${text.slice(0, 10)} ${text.slice(11, -1)}', 6, 'UTC')`;
}

function quoteColumn(name: string): string {
  return PLAIN_COLUMNS.has(name) ? name : `\`${escapeText(name)}\``;
}

function quoteName(name: string): string {
  return PLAIN_NAME.test(name) ? name : `\`${escapeText(name)}\``;
}

function escapeText(text: string): string {
  return UNESCAPED.test(text) ? text : text.replace(ESCAPED, escapeCharacter);
}

function escapeCharacter(character: string): string {
  const code = character.charCodeAt(0);
  if (code < 0x20 || code === 0x7f) return `\\x${code.toString(16).padStart(2, '0')}`;
  return `\\${character}`;
}
