import { quoteName } from '../../../connectors/clickhouse/sql.ts';
import type { Reader } from '../../../connectors/clickhouse-reader/reader.ts';
import { DEAD_LETTERS } from '../../delivery/tables.ts';

/** A message among the dead letters, with all that was wrong with it. */
export interface Letter {
  /** Receive time: milliseconds since the epoch, with microseconds as a fraction. */
  readonly at: number;
  /** Journal offset of the message, in the journal of the engine that took it in. */
  readonly offset: number;
  readonly topic: string;
  /** Empty where it was not asked for. */
  readonly payload: Buffer;
  /** Bytes of the payload. */
  readonly bytes: number;
  /** At least one; each is a row of the table. */
  readonly faults: readonly LetterFault[];
}

export interface LetterFault {
  readonly id: bigint;
  readonly receivedAt: number;
  /** Stream (of a refused row, table); empty where no topic matched. */
  readonly stream: string;
  readonly reason: string;
  readonly detail: string;
  /** Holds the payload of the message, which of several rejections only the first does. */
  readonly hasPayload: boolean;
  /** When it was given to the engine anew; undefined: not yet. */
  readonly retriedAt: number | undefined;
}

/** `<offset>-<receive time>`, the time in milliseconds since the epoch to the base 36; without it, whatever has the offset. */
export interface LetterId {
  readonly text: string;
  readonly offset: string;
  readonly at: number | undefined;
}

/** The ID of a letter: several journals may count the same offset, hardly in the same millisecond. */
export function idOf({ offset, at }: Pick<Letter, 'offset' | 'at'>): string {
  return `${offset}-${Math.floor(at).toString(36)}`;
}

/** Undefined where the text is no ID. */
export function parseId(text: string): LetterId | undefined {
  const [, offset, time] = /^(\d{1,15})(?:-([0-9a-z]{1,10}))?$/.exec(text) ?? [];
  if (offset === undefined) return undefined;
  return { text, offset, at: time === undefined ? undefined : Number.parseInt(time, 36) };
}

/** Which letters are meant: those that have a fault which meets all that is said. */
export interface LetterFilter {
  readonly ids?: readonly LetterId[];
  readonly stream?: string | undefined;
  readonly reason?: string | undefined;
  /** An MQTT topic filter. */
  readonly topic?: string | undefined;
  /** Received since; milliseconds since the epoch. */
  readonly since?: number | undefined;
  /** Also those that were retried. */
  readonly retried: boolean;
}

export interface LetterPage {
  readonly limit: number;
  readonly order: 'newest' | 'oldest';
  /** Goes on behind this letter. */
  readonly after?: Letter | undefined;
  readonly payload: boolean;
}

/** The dead letters of a database. */
export interface Letters {
  /** False where no engine has made the table yet: then there are none. */
  readonly exist: boolean;
  find(filter: LetterFilter, page: LetterPage): Promise<Letter[]>;
  /** How many there are, and how many have a fault of each reason, the most first. */
  count(filter: LetterFilter): Promise<{ readonly letters: number; readonly reasons: readonly [string, number][] }>;
}

type Parameters = Record<string, unknown>;

/** Rejects where ClickHouse does not answer. */
export async function openLetters(reader: Reader, database: string): Promise<Letters> {
  const columns = await reader.select<{ name: string }>(
    'SELECT name FROM system.columns WHERE database = {database:String} AND table = {table:String}',
    { database, table: DEAD_LETTERS.name },
  );
  if (columns.length === 0) return NONE;
  const table = `${quoteName(database)}.${DEAD_LETTERS.name} FINAL`;
  // An engine of an older version has not made that column.
  const retried = columns.some(({ name }) => name === 'retried') ? 'retried' : "CAST(NULL, 'Nullable(DateTime64(6))')";
  return {
    exist: true,
    async find(filter, { limit, order, after, payload }) {
      const params: Parameters = { limit };
      const wanted = [whereOf(filter, retried, params), ...behind(after, order, params)].join(' AND ');
      const sorted = order === 'newest' ? 'time DESC, offset DESC, topic' : 'time, offset, topic';
      const keys = `SELECT time, offset, topic FROM ${table} WHERE ${wanted} GROUP BY time, offset, topic ORDER BY ${sorted} LIMIT {limit:UInt32}`;
      const rows = await reader.select<LetterRow>(
        `SELECT ${columnsOf(retried, payload)} FROM ${table} WHERE (time, offset, topic) IN (${keys}) ORDER BY ${sorted}, id`,
        params,
      );
      return lettersOf(rows);
    },
    async count(filter) {
      const params: Parameters = {};
      const where = whereOf(filter, retried, params);
      const rows = await reader.select<{ name: string; letters: string; whole: number }>(
        `SELECT reason AS name, toString(uniqExact(time, offset, topic)) AS letters, grouping(reason) AS whole FROM ${table} WHERE ${where} GROUP BY GROUPING SETS ((reason), ()) ORDER BY uniqExact(time, offset, topic) DESC, reason`,
        params,
      );
      const reasons = rows.filter(({ whole }) => Number(whole) === 0);
      return {
        letters: Number(rows.find(({ whole }) => Number(whole) === 1)?.letters ?? 0),
        reasons: reasons.map(({ name, letters }) => [name, Number(letters)]),
      };
    },
  };
}

const NONE: Letters = {
  exist: false,
  find: async () => [],
  count: async () => ({ letters: 0, reasons: [] }),
};

interface LetterRow {
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

/** No name of a column stands for something else, which a WHERE would take up. */
function columnsOf(retried: string, payload: boolean): string {
  return [
    'toString(toUnixTimestamp64Micro(time)) AS at',
    'toString(toUnixTimestamp64Micro(received)) AS received_at',
    'toString(offset) AS place',
    'topic',
    'stream',
    'toString(id) AS fault',
    'reason',
    'detail',
    'toString(length(payload)) AS bytes',
    `${payload ? 'base64Encode(payload)' : "''"} AS content`,
    `toString(toUnixTimestamp64Micro(${retried})) AS retried_at`,
  ].join(', ');
}

function whereOf(filter: LetterFilter, retried: string, params: Parameters): string {
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
  if (ids !== undefined) terms.push(`(${ids.map((id, i) => isLetter(id, i, params)).join(' OR ')})`);
  return terms.join(' AND ');
}

function isLetter({ offset, at }: LetterId, index: number, params: Parameters): string {
  const [place, from, to] = [`offset${index}`, `from${index}`, `to${index}`];
  params[place] = offset;
  const isPlace = `offset = {${place}:UInt64}`;
  if (at === undefined) return isPlace;
  Object.assign(params, { [from]: at, [to]: at + 1 });
  const [first, last] = [from, to].map((name) => `fromUnixTimestamp64Milli({${name}:Int64})`);
  return `(${isPlace} AND time >= ${first} AND time < ${last})`;
}

function behind(after: Letter | undefined, order: LetterPage['order'], params: Parameters): string[] {
  if (after === undefined) return [];
  Object.assign(params, { time: String(Math.round(after.at * 1_000)), offset: after.offset, behind: after.topic });
  const place = '(fromUnixTimestamp64Micro({time:Int64}), {offset:UInt64}, {behind:String})';
  return [`(time, offset, topic) ${order === 'newest' ? '<' : '>'} ${place}`];
}

/** An MQTT topic filter as a pattern of RE2: what is no letter or digit is escaped. */
function topicPattern(filter: string): string {
  const levels = filter.split('/').map((level) => {
    if (level === '#') return '.*';
    return level === '+'
      ? '[^/]*'
      : level.replace(/[^\p{L}\p{N}]/gu, (sign) => `\\x{${sign.codePointAt(0)!.toString(16)}}`);
  });
  // # takes in the level above it too (MQTT 5.0, section 4.7.1).
  return `(?s)^${levels.join('/').replace(/\/\.\*$/, '(/.*)?')}$`;
}

function lettersOf(rows: readonly LetterRow[]): Letter[] {
  const letters: Letter[] = [];
  let last: (Letter & { payload: Buffer; bytes: number; faults: LetterFault[] }) | undefined;
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
