import { connect } from 'nats';

/** An ordinary subscriber, as anybody's program would be one: core NATS, no stream, no consumer. */
export interface Subscriber {
  /** Resolves when everything that the server had for us before the call has been handed to `onMessage`. */
  flush(): Promise<void>;
  close(): Promise<void>;
}

const CONNECT_TIMEOUT_MS = 5_000;

/** Connects and listens to a subject, wildcards allowed. Rejects where the server is not to be reached. */
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
  // So that nothing published from now on is missed.
  await nc.flush();
  return { flush: () => nc.flush(), close: () => nc.close() };
}
