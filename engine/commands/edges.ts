import { type Disk, realDisk } from '../journal/disk.ts';
import type { Clock } from '../ports.ts';
import { type ConnectOptions, type Connectors, createConnectors } from './connect.ts';

/** Everything outside of the engine that affects it. A fault test wraps some of these edges, and changes nothing inside the engine. */
export interface Edges {
  readonly clock: Clock;
  /** Numbers in [0, 1). */
  readonly random: () => number;
  readonly disk: Disk;
  /** Creates the connectors of a config. Throws InvalidInput if a secret or certificate is missing. */
  readonly connect: (options: ConnectOptions) => Connectors;
  /** Milliseconds between checkpoints. Default: that of the engine. */
  readonly checkpointMs?: number;
}

/** The edges of `weir run`: this machine, and the servers of the config. */
export const realEdges: Edges = {
  clock: { now: () => Date.now(), steady: () => performance.now() },
  random: Math.random,
  disk: realDisk,
  connect: createConnectors,
};
