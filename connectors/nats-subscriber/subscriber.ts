import { connect } from 'nats';

/** An ordinary subscriber of core NATS, without a stream or consumer. */
export interface Subscriber {
  /** Resolves when `onMessage` has received everything that the server had for us before the call. */
  flush(): Promise<void>;
  close(): Promise<void>;
}

const CONNECT_TIMEOUT_MS = 5_000;

/** Connects and subscribes to a subject, which may have wildcards. Rejects if the server cannot be reached. */
export async function subscribe(options: {
  readonly url: string;
  readonly subject: string;
  readonly onMessage: (subject: string, payload: Uint8Array) => void;
}): Promise<Subscriber> {
  const nc = await connect({
    servers: options.url,
    name: 'weir-subscriber',
    timeout: CONNECT_TIMEOUT_MS,
    maxReconnectAttempts: -1,
    noAsyncTraces: true,
  });
  nc.subscribe(options.subject, {
    callback: (error, message) => {
      if (error === null) options.onMessage(message.subject, message.data);
    },
  });
  // After the flush, nothing that is published is missed.
  await nc.flush();
  return { flush: () => nc.flush(), close: () => nc.close() };
}
