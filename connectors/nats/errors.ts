import { NatsError } from 'nats';
import { DeliveryError, type DeliveryErrorClass } from '../../engine/ports.ts';

/** Codes of the client that mean: this login, certificate or configuration does not work. */
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
/** Node's codes for a certificate that is not accepted. */
const CERTIFICATE = /CERT|SELF_SIGNED|UNABLE_TO_|ERR_TLS|ERR_SSL|ERR_OSSL/;

/** Codes of the client that are caused by the event itself. */
const EVENT_CODES: ReadonlySet<string> = new Set(['MAX_PAYLOAD_EXCEEDED', 'BAD_SUBJECT', 'BAD_HEADER']);

/** JetStream's `err_code`s (server/errors.json of nats-server) whose class differs from what their status code suggests. */
const API_CLASSES: Readonly<Record<number, DeliveryErrorClass>> = {
  10023: 'overload', // insufficient resources
  10028: 'overload', // memory limit exceeded
  10047: 'overload', // insufficient storage
  10077: 'overload', // stream refused: at its limit, and configured to discard new messages
  10167: 'overload', // too many requests
  10054: 'bad-row', // message larger than the stream allows
  10059: 'transient', // stream not found: it is created again
  10039: 'transient', // JetStream not enabled for the account: checked again
  10076: 'transient', // JetStream not enabled: checked again
};

/** Converts an error of the NATS client to the error of a sink. `doing` names the action, such as `publishing to x`. */
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
  '503': 'no answer: JetStream is not running, or no stream has this subject',
  TIMEOUT: 'no answer before the timeout',
  CONNECTION_REFUSED: 'the connection was refused; check that the server is running at this address',
  AUTHORIZATION_VIOLATION: 'the server refuses this login',
  SERVER_OPT_NA: 'the server offers no TLS, but the config requires it (tls:// or `tls`); no login was sent',
  MAX_PAYLOAD_EXCEEDED: "the message is larger than the server's max_payload",
};
