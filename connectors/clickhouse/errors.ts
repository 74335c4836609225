import { DeliveryError, type DeliveryErrorClass } from '../../engine/ports.ts';

/**
 * The error class of each of ClickHouse's error codes, with the server's name for the code. A code that is not here is `transient`:
 * retries lose nothing, while a wrong `bad-row` or `fatal` could.
 * Names: `SELECT errorCodeToName(60)`.
 */
export const ERROR_CODES = {
  // The server is overloaded: retry later with a smaller batch.
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
  // The table cannot store a row.
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
  // An operator must change something first.
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
 * The classes of HTTP statuses without an error code: from a proxy, or from ClickHouse before it reads the query. It is unknown whether
 * ClickHouse received the request, so the same batch must be sent again. Only 413 allows a smaller one, because it refuses the request.
 */
const STATUSES: Readonly<Record<number, DeliveryErrorClass>> = {
  401: 'fatal',
  403: 'fatal',
  413: 'overload',
};

const SHOWN_CHARS = 500;

/** The error of a request that the server answered with a refusal. */
export class AnswerError extends DeliveryError {
  /** The name of the materialized view that failed, as the server writes it; undefined if no view failed. */
  readonly view: string | undefined;
  constructor(errorClass: DeliveryErrorClass, message: string, code: string, view?: string) {
    super(errorClass, message, code);
    this.view = view;
  }
}

/** The failed view in an error text. If views feed views, the server names the innermost first. */
function viewIn(text: string): string | undefined {
  return /while pushing to view (.+?)(?: \([0-9a-f-]{36}\))?(?=: while |\. \(|$)/.exec(text)?.[1];
}

/** Makes the error of a refusing answer. `code` is the server's `X-ClickHouse-Exception-Code`; undefined if it sent none. */
export function errorOfAnswer(action: string, status: number, code: string | undefined, body: string): AnswerError {
  const whole = body.replace(/\s+/g, ' ').trim();
  const text = whole.slice(0, SHOWN_CHARS) || 'no explanation';
  if (code === undefined) {
    return new AnswerError(STATUSES[status] ?? 'transient', `${action}: HTTP ${status}: ${text}`, `HTTP ${status}`);
  }
  const known = Object.hasOwn(ERROR_CODES, code) ? ERROR_CODES[Number(code) as keyof typeof ERROR_CODES] : undefined;
  return new AnswerError(known?.[1] ?? 'transient', `${action}: ${text}`, code, viewIn(whole));
}

/** TLS alerts by which a server refuses the client's certificate. */
const CERTIFICATE_ALERT =
  /alert (certificate required|handshake failure|bad certificate|certificate unknown|unknown ca)/;

/** Makes the error of a request without a complete answer: refused, reset, timed out or cut off. It is `transient`, unless the server refused our certificate. */
export function errorOfRequest(action: string, cause: unknown): DeliveryError {
  if (cause instanceof DeliveryError) return cause;
  // If a host has several addresses, Node reports one error for each, and the outer error has no message.
  const inner: unknown = cause instanceof AggregateError ? (cause.errors[0] ?? cause) : cause;
  const message = inner instanceof Error ? inner.message : String(inner);
  const code = inner instanceof Error && 'code' in inner ? String(inner.code) : undefined;
  const alert = CERTIFICATE_ALERT.exec(message);
  if (alert !== null) {
    const remedy = 'the server requires a client certificate, or another one; check `clickhouse.tls`';
    return new DeliveryError('fatal', `${action}: TLS ${alert[0]}: ${remedy}`, code, cause);
  }
  return new DeliveryError('transient', `${action}: ${message}`, code, cause);
}
