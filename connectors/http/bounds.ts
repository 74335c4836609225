import type { Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { HttpLimits } from './limits.ts';

/** Enforces the limits of connections. */
export interface ConnectionBounds {
  /** Returns whether to answer the request; false if its connection is closed. */
  admit(socket: Socket, response: ServerResponse): boolean;
}

/**
 * Limits the connections of a server. It closes: the connection that has been idle longest, if there are too many and not all others wait
 * for an answer; a connection with too many open requests; and one whose client does not read its answer. `onClosed` is called for each.
 */
export function boundConnections(
  server: Server,
  { connections, requestsWaiting, answerMs }: HttpLimits,
  onClosed: () => void,
): ConnectionBounds {
  /** Number of open requests by connection; the most recently active one is last. */
  const open = new Map<Socket, number>();
  const close = (socket: Socket) => {
    if (!socket.destroyed) onClosed();
    open.delete(socket);
    socket.destroy();
  };
  const track = (socket: Socket, change: number): number => {
    const underWay = (open.get(socket) ?? 0) + change;
    open.delete(socket);
    if (!socket.destroyed) open.set(socket, underWay);
    return underWay;
  };
  server.on('connection', (socket: Socket) => {
    socket.once('close', () => open.delete(socket));
    open.set(socket, 0);
    if (open.size > connections) close(idleLongest(open));
  });
  return {
    admit(socket, response) {
      // More requests of a closed connection may already have been read.
      if (socket.destroyed) return false;
      if (track(socket, 1) > requestsWaiting) {
        close(socket);
        return false;
      }
      const deadline = setTimeout(() => close(socket), answerMs);
      response.once('close', () => {
        clearTimeout(deadline);
        track(socket, -1);
      });
      return true;
    },
  };
}

/** The first connection without an open request. There is always one, because the new connection has none. */
function idleLongest(open: ReadonlyMap<Socket, number>): Socket {
  for (const [socket, underWay] of open) if (underWay === 0) return socket;
  throw new Error('a new connection has no request under way');
}
