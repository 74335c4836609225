import { NatsError } from 'nats';
import { DeliveryError, type DeliveryErrorClass } from '../../engine/ports.ts';

/** Codes of the client that say: not with this login, certificate or configuration. */
const FATAL_CODES: ReadonlySet<string> = new Set([
  'AUTHORIZATION_VIOLATION',
  'AUTHENTICATION_EXPIRED',
  'ACCOUNT_EXPIRED',
  'BAD_AUTHENTICATION',
  'BAD_CREDS',
  'PERMISSIONS_VIOLATION',
  'INVALID_OPTION',
  'SERVER_OPT_NA',
  'WSS_REQUIRED',
  'NOT_FUNC',
  'TLS',
]);
/** Node's codes of a certificate that does not convince. */
const CERTIFICATE = /CERT|SELF_SIGNED|UNABLE_TO_|ERR_TLS|ERR_SSL|ERR_OSSL/;

/** Codes of the client that are the fault of the event alone. */
const EVENT_CODES: ReadonlySet<string> = new Set(['MAX_PAYLOAD_EXCEEDED', 'BAD_SUBJECT', 'BAD_HEADER']);

/** JetStream's `err_code`s (server/errors.json of nats-server) whose class differs from what their status code suggests. */
const API_CLASSES: Readonly<Record<number, DeliveryErrorClass>> = {
  10023: 'overload', // insufficient resources
  10028: 'overload', // memory limit exceeded
  10047: 'overload', // insufficient storage
  10077: 'overload', // stream refused: at its limit, and told to discard what is new
  10167: 'overload', // too many requests
  10054: 'bad-row', // message larger than the stream allows
  10059: 'transient', // stream not found: it is made again
  10039: 'transient', // JetStream not enabled for the account: found out again
  10076: 'transient', // JetStream not enabled: found out again
};

/** The error that a sink may reject with, from whatever the NATS client threw; `doing` says at what, as in `publish to x`. */
export function toDeliveryError(error: unknown, doing: string): DeliveryError {
  if (error instanceof DeliveryError) return error;
  const { code, text } = describe(error);
  return new DeliveryError(classify(error, code), `NATS, ${doing}: ${text}`, code, error);
}

function classify(error: unknown, code: string | undefined): DeliveryErrorClass {
  const api = error instanceof NatsError ? error.api_error : undefined;
  if (api !== undefined) {
    const known = api.err_code === undefined ? undefined : API_CLASSES[api.err_code];
    return known ?? (api.code >= 500 || api.code === 408 ? 'transient' : 'fatal');
  }
  if (code !== undefined && EVENT_CODES.has(code)) return 'bad-row';
  if (code !== undefined && (FATAL_CODES.has(code) || CERTIFICATE.test(code))) return 'fatal';
  return 'transient';
}

function describe(error: unknown): { code: string | undefined; text: string } {
  if (!(error instanceof Error)) return { code: undefined, text: String(error ?? 'the connection was closed') };
  if (!(error instanceof NatsError)) return { code: (error as NodeJS.ErrnoException).code, text: error.message };
  if (error.api_error !== undefined) {
    return { code: String(error.api_error.err_code ?? error.api_error.code), text: error.api_error.description };
  }
  return { code: error.code, text: EXPLAINED[error.code] ?? error.chainedError?.message ?? error.message };
}

const EXPLAINED: Readonly<Record<string, string>> = {
  '503': 'nobody answers; JetStream is not up, or no stream takes this subject',
  TIMEOUT: 'no answer in time',
  CONNECTION_REFUSED: 'the connection was refused; is the server running there?',
  AUTHORIZATION_VIOLATION: 'the server refuses this login',
  SERVER_OPT_NA: 'the server offers no TLS, which the config demands by tls:// or `tls`; nothing was sent to it',
  MAX_PAYLOAD_EXCEEDED: "the message is larger than the server's max_payload",
};
