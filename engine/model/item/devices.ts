import type { OfflineReason } from './alert.ts';

/** A device went offline or came back. */
export interface DeviceChange {
  readonly kind: 'device';
  readonly offset: number;
  readonly stream: number;
  readonly device: string;
  readonly labels: readonly string[];
  readonly online: boolean;
  /** Receive-time instant of the change. */
  readonly at: number;
  /** When the device was last seen. Equal to `at` for a device that was never seen before. */
  readonly lastSeenAt: number;
  readonly reason: OfflineReason | 'first-reading' | 'reading' | 'status' | 'forgotten';
}

/** Messages of a broker may be missing, because the broker lost our session. */
export interface Gap {
  readonly kind: 'gap';
  /** Journal offset of the mark that ended the gap. */
  readonly offset: number;
  /** Name of the broker. */
  readonly broker: string;
  readonly reason: 'session-lost';
  /** Receive times of its begin (`from`) and end (`at`). */
  readonly from: number;
  readonly at: number;
}
