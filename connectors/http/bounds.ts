import type { Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { HttpLimits } from './limits.ts';

/** Keeps the connections of a server within its limits. */
export interface ConnectionBounds {
  /** Whether the request is to be answered; false where its connection is closed. */
  admit(socket: Socket, response: ServerResponse): boolean;
}

/**
 * Watches the connections of a server. Closed are: with too many, the one that has been silent longest, so that a newcomer gets in, unless all
 * others wait for an answer; one with too many requests under way; and one whose client does not read its answer. `onClosed` is called for each.
 */
export function boundConnections(
  server: Server,
  { connections, requestsWaiting, answerMs }: HttpLimits,
  onClosed: () => void,
): ConnectionBounds {
  /** Requests under way, by connection; the one that was heard of last stands last. */
  const open = new Map<Socket, number>();
  const close = (socket: Socket) => {
    if (!socket.destroyed) onClosed();
    open.delete(socket);
    socket.destroy();
  };
  const note = (socket: Socket, change: number): number => {
    const underWay = (open.get(socket) ?? 0) + change;
    open.delete(socket);
    if (!socket.destroyed) open.set(socket, underWay);
    return underWay;
  };
  server.on('connection', (socket: Socket) => {
    socket.once('close', () => open.delete(socket));
    open.set(socket, 0);
    if (open.size > connections) close(silentLongest(open));
  });
  return {
    admit(socket, response) {
      // What else of a closed connection was read already.
      if (socket.destroyed) return false;
      if (note(socket, 1) > requestsWaiting) {
        close(socket);
        return false;
      }
      const deadline = setTimeout(() => close(socket), answerMs);
      response.once('close', () => {
        clearTimeout(deadline);
        note(socket, -1);
      });
      return true;
    },
  };
}

/** The first that waits for no answer; the newcomer itself does not, so there is one. */
function silentLongest(open: ReadonlyMap<Socket, number>): Socket {
  for (const [socket, underWay] of open) if (underWay === 0) return socket;
  throw new Error('a new connection has no request under way');
}
