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
  /** `at` where it was never heard of before. */
  readonly lastSeenAt: number;
  readonly reason: OfflineReason | 'first-reading' | 'reading' | 'status';
}

/** Messages of a broker may be missing: it had forgotten our session. */
export interface Gap {
  readonly kind: 'gap';
  /** That of the mark by which it ended. */
  readonly offset: number;
  /** Name of the broker. */
  readonly broker: string;
  readonly reason: 'session-lost';
  /** When it began and ended; receive times. */
  readonly from: number;
  readonly at: number;
}
