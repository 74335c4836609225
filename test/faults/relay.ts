import { connect, createServer, type Socket } from 'node:net';

/** The faults of a link. Without any, it passes everything on. */
export interface LinkFault {
  /** New connections are refused, and existing ones are cut. */
  readonly down?: boolean;
  /** Delay of answers; milliseconds. */
  readonly answerDelayMs?: number;
  /** Limit of bytes per second in each direction. */
  readonly bytesPerSecond?: number;
  /** The first answer to each request that contains this text is dropped, and its connection is cut. */
  readonly dropAnswersTo?: string;
  /** Text that replaces answers. */
  readonly garbage?: string;
  /** Only this many bytes of each connection reach the server. */
  readonly dropAfterBytes?: number;
  /** Nothing more arrives from the server, without an error. */
  readonly silent?: boolean;
}

/** A TCP relay to a server that can be made to fail. */
export interface Relay {
  readonly port: number;
  /** Number of dropped answers. */
  readonly lost: number;
  set(linkFault: LinkFault): void;
  /** Cuts all connections. */
  cut(): void;
  close(): Promise<void>;
}

/** Listens on a free port of 127.0.0.1 and forwards everything to another port. */
export async function startRelay(targetPort: number): Promise<Relay> {
  const pairs = new Set<readonly [Socket, Socket]>();
  let linkFault: LinkFault = {};
  let lost = 0;
  const cut = () => {
    for (const [near, far] of pairs) {
      near.destroy();
      far.destroy();
    }
    pairs.clear();
  };
  const server = createServer((near) => {
    if (linkFault.down) {
      near.destroy();
      return;
    }
    const far = connect(targetPort, '127.0.0.1');
    const pair = [near, far] as const;
    pairs.add(pair);
    let dropAnswer = false;
    let passedBytes = 0;
    near.on('data', (bytes) => {
      const passed = bytes.subarray(
        0,
        Math.max(0, (linkFault.dropAfterBytes ?? Number.POSITIVE_INFINITY) - passedBytes),
      );
      passedBytes += bytes.length;
      if (linkFault.dropAnswersTo !== undefined && passed.includes(linkFault.dropAnswersTo)) dropAnswer = true;
      if (passed.length > 0) pass(near, far, passed, linkFault.bytesPerSecond, 0);
    });
    far.on('data', (bytes) => {
      if (linkFault.silent) return;
      if (dropAnswer) {
        lost += 1;
        near.destroy();
        far.destroy();
        return;
      }
      const answer = linkFault.garbage === undefined ? bytes : Buffer.from(linkFault.garbage);
      pass(far, near, answer, linkFault.bytesPerSecond, linkFault.answerDelayMs ?? 0);
    });
    const end = () => {
      near.destroy();
      far.destroy();
      pairs.delete(pair);
    };
    for (const socket of [near, far]) socket.on('close', end).on('error', end);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    get lost() {
      return lost;
    },
    set(next) {
      linkFault = next;
      if (next.down) cut();
    },
    cut,
    close: () => {
      cut();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

/** Forwards bytes. The order is kept, because a socket is paused until its bytes have been forwarded. */
function pass(from: Socket, to: Socket, bytes: Buffer, bytesPerSecond: number | undefined, lateMs: number): void {
  const waitMs = lateMs + (bytesPerSecond === undefined ? 0 : (bytes.length * 1_000) / bytesPerSecond);
  if (waitMs === 0) {
    if (!to.destroyed && !to.write(bytes)) {
      from.pause();
      to.once('drain', () => from.resume());
    }
    return;
  }
  from.pause();
  setTimeout(() => {
    if (!to.destroyed) to.write(bytes);
    from.resume();
  }, waitMs);
}
