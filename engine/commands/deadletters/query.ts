import { quoteName } from '../../../connectors/clickhouse/sql.ts';
import type { ClickHouseReader } from '../../../connectors/clickhouse-reader/reader.ts';
import { DEAD_LETTERS } from '../../delivery/tables.ts';
import type {
  DeadLetter,
  DeadLetterCount,
  DeadLetterFault,
  DeadLetterFilter,
  DeadLetterId,
  DeadLetterPage,
  DeadLetters,
} from './dead-letter.ts';

type Parameters = Record<string, unknown>;

/** Opens the table of dead letters. Rejects if ClickHouse is not reachable. */
export async function openDeadLetters(reader: ClickHouseReader, database: string): Promise<DeadLetters> {
  const columns = await reader.select<{ name: string }>(
    'SELECT name FROM system.columns WHERE database = {database:String} AND table = {table:String}',
    { database, table: DEAD_LETTERS.name },
  );
  if (columns.length === 0) return NONE;
  const table = `${quoteName(database)}.${DEAD_LETTERS.name}`;
  // A table of an older version has no column `retried`.
  const retried = columns.some(({ name }) => name === 'retried') ? 'retried' : "CAST(NULL, 'Nullable(DateTime64(6))')";
  return {
    exist: true,
    find: (filter, page) => findDeadLetters({ reader, table, retried }, filter, page),
    count: (filter) => countDeadLetters({ reader, table, retried }, filter),
  };
}

interface DeadLetterTable {
  readonly reader: ClickHouseReader;
  readonly table: string;
  /** SQL of the column `retried`, or of its value if the table has no such column. */
  readonly retried: string;
}

/** Rows to search first for each dead letter of a page: several rows may belong to one message, or be replaced by a later one. */
const ROWS_PER_DEAD_LETTER = 4;
/** Limit of a page in memory: the payloads, and `ROW_BYTES` for each row. */
const PAGE_BYTES = 16 * 1024 * 1024;
const ROW_BYTES = 256;

/**
 * Finds a page of dead letters. There may be millions, and `FINAL`, which selects the last of equal rows, is expensive. So each query covers a span
 * of time: first one that probably has enough dead letters, then that of the dead letters that were found.
 */
async function findDeadLetters(
  from: DeadLetterTable,
  filter: DeadLetterFilter,
  page: DeadLetterPage,
): Promise<DeadLetter[]> {
  const { reader, table, retried } = from;
  const { order, after, payload } = page;
  const params: Parameters = { limit: page.limit };
  const wanted = [whereOf(filter, retried, params), ...whereAfter(after, order, params)].join(' AND ');
  const [sorted, sign] = order === 'newest' ? ['time DESC, offset DESC, topic', '>='] : ['time, offset, topic', '<='];
  const weight = payload ? `sum(length(payload) + ${ROW_BYTES})` : '0';
  const keysWithin = (span: string) =>
    `SELECT time, offset, topic, ${weight} AS weight FROM ${table} FINAL WHERE ${wanted} AND ${span} GROUP BY time, offset, topic ORDER BY ${sorted} LIMIT {limit:UInt32}`;
  for (let limit = page.limit, rows = limit * ROWS_PER_DEAD_LETTER; ; ) {
    const [bound] = await reader.select<{ at: string }>(
      `SELECT ${microsOf('time')} AS at FROM ${table} WHERE ${wanted} ORDER BY time ${order === 'newest' ? 'DESC' : ''} LIMIT 1 OFFSET ${rows}`,
      params,
    );
    const span = bound === undefined ? '1' : `time ${sign} ${instantOf('bound')}`;
    const [found] = await reader.select<{ first: string; last: string; letters: string; bytes: string }>(
      `SELECT ${microsOf('min(time)')} AS first, ${microsOf('max(time)')} AS last, toString(count()) AS letters, toString(sum(weight)) AS bytes FROM (${keysWithin(span)})`,
      { ...params, limit, bound: bound?.at ?? '0' },
    );
    const { first, last, letters, bytes } = found!;
    if (bound !== undefined && Number(letters) < limit) {
      rows *= 10;
    } else if (Number(bytes) > PAGE_BYTES && limit > 1) {
      limit = Math.max(1, Math.floor((Math.min(limit, Number(letters)) * PAGE_BYTES) / (Number(bytes) + 1)));
    } else {
      const within = `time BETWEEN ${instantOf('first')} AND ${instantOf('last')}`;
      const keys = `SELECT time, offset, topic FROM (${keysWithin(within)})`;
      const content = await reader.select<DeadLetterRow>(
        `SELECT ${columnsOf(retried, payload)} FROM ${table} FINAL WHERE ${within} AND (time, offset, topic) IN (${keys}) ORDER BY ${sorted}, id`,
        { ...params, limit, first, last },
      );
      return deadLettersOf(content);
    }
  }
}

async function countDeadLetters(
  { reader, table, retried }: DeadLetterTable,
  filter: DeadLetterFilter,
): Promise<DeadLetterCount> {
  const params: Parameters = {};
  const where = whereOf(filter, retried, params);
  const rows = await reader.select<{ name: string; letters: string; whole: string }>(
    `SELECT reason AS name, toString(uniq(time, offset, topic) AS times) AS letters, toString(grouping(reason)) AS whole FROM ${table} FINAL WHERE ${where} GROUP BY GROUPING SETS ((reason), ()) ORDER BY times DESC, reason`,
    params,
  );
  const reasons = rows.filter(({ whole }) => whole === '0');
  return {
    letters: Number(rows.find(({ whole }) => whole === '1')?.letters ?? 0),
    reasons: reasons.map(({ name, letters }) => [name, Number(letters)] as const),
  };
}

const NONE: DeadLetters = {
  exist: false,
  find: async () => [],
  count: async () => ({ letters: 0, reasons: [] }),
};

interface DeadLetterRow {
  readonly at: string;
  readonly received_at: string;
  readonly place: string;
  readonly topic: string;
  readonly stream: string;
  readonly fault: string;
  readonly reason: string;
  readonly detail: string;
  readonly bytes: string;
  readonly content: string;
  readonly retried_at: string | null;
}

/** No alias is the name of another column, because a WHERE would use the alias. */
function columnsOf(retried: string, payload: boolean): string {
  return [
    `${microsOf('time')} AS at`,
    `${microsOf('received')} AS received_at`,
    'toString(offset) AS place',
    'topic',
    'stream',
    'toString(id) AS fault',
    'reason',
    'detail',
    'toString(length(payload)) AS bytes',
    `${payload ? 'base64Encode(payload)' : "''"} AS content`,
    `${microsOf(retried)} AS retried_at`,
  ].join(', ');
}

const microsOf = (time: string): string => `toString(toUnixTimestamp64Micro(${time}))`;
const instantOf = (parameter: string): string => `fromUnixTimestamp64Micro({${parameter}:Int64})`;

function whereOf(filter: DeadLetterFilter, retried: string, params: Parameters): string {
  const { ids, stream, reason, topic, since } = filter;
  const terms = filter.retried ? ['1'] : [`${retried} IS NULL`];
  const compare = (term: string, values: Parameters) => {
    terms.push(term);
    Object.assign(params, values);
  };
  if (stream !== undefined) compare('stream = {stream:String}', { stream });
  if (reason !== undefined) compare('reason = {reason:String}', { reason });
  if (topic !== undefined) compare('match(topic, {topic:String})', { topic: topicPattern(topic) });
  if (since !== undefined) compare('time >= fromUnixTimestamp64Milli({since:Int64})', { since });
  if (ids !== undefined) terms.push(`(${ids.map((id, i) => whereId(id, i, params)).join(' OR ')})`);
  return terms.join(' AND ');
}

function whereId({ offset, at }: DeadLetterId, index: number, params: Parameters): string {
  const [place, from, to] = [`offset${index}`, `from${index}`, `to${index}`];
  params[place] = offset;
  const isPlace = `offset = {${place}:UInt64}`;
  if (at === undefined) return isPlace;
  Object.assign(params, { [from]: at, [to]: at + 1 });
  const [first, last] = [from, to].map((name) => `fromUnixTimestamp64Milli({${name}:Int64})`);
  return `(${isPlace} AND time >= ${first} AND time < ${last})`;
}

function whereAfter(after: DeadLetter | undefined, order: DeadLetterPage['order'], params: Parameters): string[] {
  if (after === undefined) return [];
  Object.assign(params, { after: String(Math.round(after.at * 1_000)), offset: after.offset, topicAfter: after.topic });
  const sign = order === 'newest' ? '<' : '>';
  const place = `(${instantOf('after')}, {offset:UInt64}, {topicAfter:String})`;
  // The first condition follows from the second, but only the first can use the index of the table.
  return [`time ${sign}= ${instantOf('after')}`, `(time, offset, topic) ${sign} ${place}`];
}

/** An MQTT topic filter as a pattern of RE2. Characters that are no letter or digit are escaped. */
function topicPattern(filter: string): string {
  const levels = filter.split('/').map((level) => {
    if (level === '#') return '.*';
    return level === '+'
      ? '[^/]*'
      : level.replace(/[^\p{L}\p{N}]/gu, (sign) => `\\x{${sign.codePointAt(0)!.toString(16)}}`);
  });
  // # also matches the level above it (MQTT 5.0, section 4.7.1).
  return `(?s)^${levels.join('/').replace(/\/\.\*$/, '(/.*)?')}$`;
}

function deadLettersOf(rows: readonly DeadLetterRow[]): DeadLetter[] {
  const letters: DeadLetter[] = [];
  let last: (DeadLetter & { payload: Buffer; bytes: number; faults: DeadLetterFault[] }) | undefined;
  for (const row of rows) {
    const [at, offset, bytes] = [timeOf(row.at), Number(row.place), Number(row.bytes)];
    if (last === undefined || last.at !== at || last.offset !== offset || last.topic !== row.topic) {
      last = { at, offset, topic: row.topic, payload: Buffer.alloc(0), bytes: 0, faults: [] };
      letters.push(last);
    }
    if (bytes > 0 && last.bytes === 0) {
      last.payload = Buffer.from(row.content, 'base64');
      last.bytes = bytes;
    }
    const { stream, reason, detail, retried_at } = row;
    last.faults.push({
      id: BigInt(row.fault),
      receivedAt: timeOf(row.received_at),
      stream,
      reason,
      detail,
      hasPayload: bytes > 0,
      retriedAt: retried_at === null ? undefined : timeOf(retried_at),
    });
  }
  return letters;
}

const timeOf = (micros: string): number => Number(micros) / 1_000;
