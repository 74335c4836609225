import { at, DEATHS, hasMessages } from './deaths.ts';
import { MISTAKES } from './mistakes.ts';
import { type Fault, wrapGroups, wrapMessages } from './wrap-edges.ts';

/** Trouble that the machine makes. */
const TROUBLES = {
  /** The disk gives an error, once. */
  'disk error': () => {
    const isDue = at(5);
    return wrapGroups({
      sync: (go, records) => {
        if (!hasMessages(records) || !isDue()) return go();
        return Promise.reject(Object.assign(new Error('EIO: i/o error, fdatasync'), { code: 'EIO' }));
      },
    });
  },
  /** The clock is an hour ahead for a second, and then an hour behind for one, while readings come. */
  'clock jumps': (): Fault => {
    let startedAt: number | undefined;
    const watch = wrapMessages((go, ...handedOver) => {
      startedAt ??= performance.now();
      go(...handedOver);
    });
    const jumpMs = () => JUMPS[Math.floor((performance.now() - (startedAt ?? performance.now())) / 1_000)] ?? 0;
    return (edges) => watch({ ...edges, clock: { ...edges.clock, now: () => edges.clock.now() + jumpMs() } });
  },
  /** What an engine has sent comes again from the next one. */
  'no checkpoint': (): Fault => (edges) => ({ ...edges, checkpointMs: 600_000 }),
} satisfies Readonly<Record<string, () => Fault>>;

const HOUR_MS = 3_600_000;
/** By the seconds since the first reading. */
const JUMPS = [0, HOUR_MS, -HOUR_MS];

/** Every fault that an engine can be started with, by its name. */
export const FAULTS = { ...DEATHS, ...MISTAKES, ...TROUBLES };

export type FaultName = keyof typeof FAULTS;
