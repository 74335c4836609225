import { connect, createServer, type Socket } from 'node:net';

/** How a link behaves. What is not set is as in good times. */
export interface Weather {
  /** New connections are refused, and those that stand are cut. */
  readonly down?: boolean;
  /** Answers come this much later; milliseconds. */
  readonly answersLateMs?: number;
  /** Bytes a second, each way. */
  readonly bytesPerSecond?: number;
  /** The first answer to each request that begins with this is dropped, and the connection with it. */
  readonly loseAnswersTo?: string;
  /** Answers are replaced by this. */
  readonly garbage?: string;
  /** Of each connection only the first so many bytes reach the server. */
  readonly deafAfterBytes?: number;
  /** The server's side is closed halfway: nothing more comes from there, and nobody says so. */
  readonly silent?: boolean;
}

/** A link to a server that can be made to fail. */
export interface Relay {
  readonly port: number;
  /** Answers that were lost. */
  readonly lost: number;
  set(weather: Weather): void;
  /** Cuts every connection that stands. */
  cut(): void;
  close(): Promise<void>;
}

/** Listens on a free port of 127.0.0.1 and passes everything on to another. */
export async function startRelay(targetPort: number): Promise<Relay> {
  const pairs = new Set<readonly [Socket, Socket]>();
  let weather: Weather = {};
  let lost = 0;
  const cut = () => {
    for (const [near, far] of pairs) {
      near.destroy();
      far.destroy();
    }
    pairs.clear();
  };
  const server = createServer((near) => {
    if (weather.down) {
      near.destroy();
      return;
    }
    const far = connect(targetPort, '127.0.0.1');
    const pair = [near, far] as const;
    pairs.add(pair);
    let doomed = false;
    let heardBytes = 0;
    near.on('data', (bytes) => {
      const heard = bytes.subarray(0, Math.max(0, (weather.deafAfterBytes ?? Number.POSITIVE_INFINITY) - heardBytes));
      heardBytes += bytes.length;
      if (weather.loseAnswersTo !== undefined && heard.includes(weather.loseAnswersTo)) doomed = true;
      if (heard.length > 0) pass(near, far, heard, weather.bytesPerSecond, 0);
    });
    far.on('data', (bytes) => {
      if (weather.silent) return;
      if (doomed) {
        lost += 1;
        near.destroy();
        far.destroy();
        return;
      }
      const answer = weather.garbage === undefined ? bytes : Buffer.from(weather.garbage);
      pass(far, near, answer, weather.bytesPerSecond, weather.answersLateMs ?? 0);
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
      weather = next;
      if (next.down) cut();
    },
    cut,
    close: () => {
      cut();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

/** Order is kept: a socket is not read on until what it gave has been passed on. */
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
