import { DeliveryError, type DeliveryErrorClass } from '../../engine/ports.ts';

/**
 * What to do about each of ClickHouse's error codes, with the server's own name for it. A code that is not here is
 * `transient`: trying again for ever loses nothing, and calling a row bad or a sink dead by mistake would.
 * Names: `SELECT errorCodeToName(60)`.
 */
export const ERROR_CODES = {
  // The server has too much to do: come back later, with less.
  158: ['TOO_MANY_ROWS', 'overload'],
  159: ['TIMEOUT_EXCEEDED', 'overload'],
  160: ['TOO_SLOW', 'overload'],
  173: ['CANNOT_ALLOCATE_MEMORY', 'overload'],
  201: ['QUOTA_EXCEEDED', 'overload'],
  202: ['TOO_MANY_SIMULTANEOUS_QUERIES', 'overload'],
  203: ['NO_FREE_CONNECTION', 'overload'],
  241: ['MEMORY_LIMIT_EXCEEDED', 'overload'],
  252: ['TOO_MANY_PARTS', 'overload'],
  290: ['LIMIT_EXCEEDED', 'overload'],
  307: ['TOO_MANY_BYTES', 'overload'],
  364: ['RECEIVED_ERROR_TOO_MANY_REQUESTS', 'overload'],
  396: ['TOO_MANY_ROWS_OR_BYTES', 'overload'],
  439: ['CANNOT_SCHEDULE_TASK', 'overload'],
  700: ['USER_SESSION_LIMIT_EXCEEDED', 'overload'],
  745: ['SERVER_OVERLOADED', 'overload'],
  762: ['HTTP_CONNECTION_LIMIT_REACHED', 'overload'],
  776: ['RESOURCE_LIMIT_EXCEEDED', 'overload'],
  777: ['MEMORY_RESERVATION_KILLED', 'overload'],
  778: ['MEMORY_RESERVATION_FAILED', 'overload'],
  // A row that the table cannot hold.
  6: ['CANNOT_PARSE_TEXT', 'bad-row'],
  19: ['SIZE_OF_FIXED_STRING_DOESNT_MATCH', 'bad-row'],
  25: ['CANNOT_PARSE_ESCAPE_SEQUENCE', 'bad-row'],
  26: ['CANNOT_PARSE_QUOTED_STRING', 'bad-row'],
  27: ['CANNOT_PARSE_INPUT_ASSERTION_FAILED', 'bad-row'],
  32: ['ATTEMPT_TO_READ_AFTER_EOF', 'bad-row'],
  33: ['CANNOT_READ_ALL_DATA', 'bad-row'],
  38: ['CANNOT_PARSE_DATE', 'bad-row'],
  41: ['CANNOT_PARSE_DATETIME', 'bad-row'],
  53: ['TYPE_MISMATCH', 'bad-row'],
  69: ['ARGUMENT_OUT_OF_BOUND', 'bad-row'],
  70: ['CANNOT_CONVERT_TYPE', 'bad-row'],
  72: ['CANNOT_PARSE_NUMBER', 'bad-row'],
  117: ['INCORRECT_DATA', 'bad-row'],
  128: ['TOO_LARGE_ARRAY_SIZE', 'bad-row'],
  130: ['CANNOT_READ_ARRAY_FROM_TEXT', 'bad-row'],
  131: ['TOO_LARGE_STRING_SIZE', 'bad-row'],
  248: ['INVALID_PARTITION_VALUE', 'bad-row'],
  321: ['VALUE_IS_OUT_OF_RANGE_OF_DATA_TYPE', 'bad-row'],
  349: ['CANNOT_INSERT_NULL_IN_ORDINARY_COLUMN', 'bad-row'],
  395: ['FUNCTION_THROW_IF_VALUE_IS_NON_ZERO', 'bad-row'],
  407: ['DECIMAL_OVERFLOW', 'bad-row'],
  441: ['CANNOT_PARSE_DOMAIN_VALUE_FROM_STRING', 'bad-row'],
  467: ['CANNOT_PARSE_BOOL', 'bad-row'],
  469: ['VIOLATED_CONSTRAINT', 'bad-row'],
  563: ['CANNOT_READ_MAP_FROM_TEXT', 'bad-row'],
  632: ['UNEXPECTED_DATA_AFTER_PARSED_VALUE', 'bad-row'],
  691: ['UNKNOWN_ELEMENT_OF_ENUM', 'bad-row'],
  // Somebody has to change something first.
  7: ['INCORRECT_NUMBER_OF_COLUMNS', 'fatal'],
  8: ['THERE_IS_NO_COLUMN', 'fatal'],
  10: ['NOT_FOUND_COLUMN_IN_BLOCK', 'fatal'],
  15: ['DUPLICATE_COLUMN', 'fatal'],
  16: ['NO_SUCH_COLUMN_IN_TABLE', 'fatal'],
  20: ['NUMBER_OF_COLUMNS_DOESNT_MATCH', 'fatal'],
  36: ['BAD_ARGUMENTS', 'fatal'],
  43: ['ILLEGAL_TYPE_OF_ARGUMENT', 'fatal'],
  44: ['ILLEGAL_COLUMN', 'fatal'],
  47: ['UNKNOWN_IDENTIFIER', 'fatal'],
  48: ['NOT_IMPLEMENTED', 'fatal'],
  50: ['UNKNOWN_TYPE', 'fatal'],
  60: ['UNKNOWN_TABLE', 'fatal'],
  62: ['SYNTAX_ERROR', 'fatal'],
  73: ['UNKNOWN_FORMAT', 'fatal'],
  80: ['INCORRECT_QUERY', 'fatal'],
  81: ['UNKNOWN_DATABASE', 'fatal'],
  115: ['UNKNOWN_SETTING', 'fatal'],
  164: ['READONLY', 'fatal'],
  192: ['UNKNOWN_USER', 'fatal'],
  193: ['WRONG_PASSWORD', 'fatal'],
  194: ['REQUIRED_PASSWORD', 'fatal'],
  195: ['IP_ADDRESS_NOT_ALLOWED', 'fatal'],
  291: ['DATABASE_ACCESS_DENIED', 'fatal'],
  452: ['SETTING_CONSTRAINT_VIOLATION', 'fatal'],
  497: ['ACCESS_DENIED', 'fatal'],
  516: ['AUTHENTICATION_FAILED', 'fatal'],
  524: ['ALTER_OF_COLUMN_IS_FORBIDDEN', 'fatal'],
  720: ['USER_EXPIRED', 'fatal'],
  774: ['TABLE_IS_PERMANENTLY_READ_ONLY', 'fatal'],
} as const satisfies Record<number, readonly [name: string, errorClass: DeliveryErrorClass]>;

/**
 * What a proxy, or ClickHouse before it looks at the query, says with the status alone. Whether ClickHouse got the request is unknown,
 * so nothing else may take its place: only 413 asks for less, for it refuses the request itself.
 */
const STATUSES: Readonly<Record<number, DeliveryErrorClass>> = {
  401: 'fatal',
  403: 'fatal',
  413: 'overload',
};

const SHOWN_CHARS = 500;

/** An answer of the server that says no. */
export class AnswerError extends DeliveryError {
  /** The materialized view that failed, as the server spells it; undefined where it was something else. */
  readonly view: string | undefined;
  constructor(errorClass: DeliveryErrorClass, message: string, code: string, view?: string) {
    super(errorClass, message, code);
    this.view = view;
  }
}

/** With views on views, the innermost is named first. */
function viewIn(text: string): string | undefined {
  return /while pushing to view (.+?)(?: \([0-9a-f-]{36}\))?(?=: while |\. \(|$)/.exec(text)?.[1];
}

/** The error of an answer that says no. `code` is the server's `X-ClickHouse-Exception-Code`, where it sent one. */
export function errorOfAnswer(action: string, status: number, code: string | undefined, body: string): AnswerError {
  const whole = body.replace(/\s+/g, ' ').trim();
  const text = whole.slice(0, SHOWN_CHARS) || 'no explanation';
  if (code === undefined) {
    return new AnswerError(STATUSES[status] ?? 'transient', `${action}: HTTP ${status}: ${text}`, `HTTP ${status}`);
  }
  const known = Object.hasOwn(ERROR_CODES, code) ? ERROR_CODES[Number(code) as keyof typeof ERROR_CODES] : undefined;
  return new AnswerError(known?.[1] ?? 'transient', `${action}: ${text}`, code, viewIn(whole));
}

/** Alerts by which a TLS server refuses a client. */
const CERTIFICATE_ALERT =
  /alert (certificate required|handshake failure|bad certificate|certificate unknown|unknown ca)/;

/** The error of a request without a whole answer: refused, reset, timed out, cut off. `transient`, unless our certificate is to blame. */
export function errorOfRequest(action: string, cause: unknown): DeliveryError {
  if (cause instanceof DeliveryError) return cause;
  // Where a host has several addresses, Node reports one error for each and says nothing in the outer one.
  const inner: unknown = cause instanceof AggregateError ? (cause.errors[0] ?? cause) : cause;
  const message = inner instanceof Error ? inner.message : String(inner);
  const code = inner instanceof Error && 'code' in inner ? String(inner.code) : undefined;
  const alert = CERTIFICATE_ALERT.exec(message);
  if (alert !== null) {
    const remedy = 'the server wants another client certificate, or wants one at all: see `clickhouse.tls`';
    return new DeliveryError('fatal', `${action}: TLS ${alert[0]}: ${remedy}`, code, cause);
  }
  return new DeliveryError('transient', `${action}: ${message}`, code, cause);
}
