import { ErrorCode, type Msg, NatsError } from 'nats';

/** The beginning of most answers: `{"stream":"WEIR_ALERTS","seq":17}`, perhaps with a space, and with more members after the number. */
const STORED = /^\{"stream":"[^"\\]+", ?"seq": ?(\d+)[,}]/;

/** An answer of JetStream: the sequence number of the message, or an error in the form in which the client would report it. */
export function readAnswer(message: Msg): number | NatsError {
  const { data } = message;
  // Without a body, the server itself answers: nobody stores this subject.
  if (data.length === 0) return new NatsError(message.headers?.description ?? '', String(message.headers?.code ?? ''));
  const text = Buffer.from(data.buffer, data.byteOffset, data.length).toString();
  const stored = text.includes('"error"') ? undefined : STORED.exec(text)?.[1];
  return stored === undefined ? readWhole(text) : Number(stored);
}

function readWhole(text: string): number | NatsError {
  const answer = parseAnswer(text);
  if (answer?.error !== undefined) {
    const error = new NatsError(answer.error.description, String(answer.error.code));
    error.api_error = answer.error;
    return error;
  }
  if (answer?.stream) return answer.seq;
  return NatsError.errorForCode(ErrorCode.JetStreamInvalidAck);
}

interface Answer {
  readonly stream?: string;
  readonly seq: number;
  readonly error?: NonNullable<NatsError['api_error']>;
}

function parseAnswer(text: string): Answer | undefined {
  try {
    return JSON.parse(text) as Answer;
  } catch {
    return undefined;
  }
}
