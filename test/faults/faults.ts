import { at, DEATHS, hasMessages } from './deaths.ts';
import { type Fault, wrapGroups } from './edges.ts';
import { MISTAKES } from './mistakes.ts';

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
  /** The clock is an hour ahead for a second, and then an hour behind. */
  'clock jumps': () => (edges) => ({
    ...edges,
    clock: { ...edges.clock, now: () => edges.clock.now() + (JUMPS[Math.floor(process.uptime())] ?? 0) },
  }),
  /** What an engine has sent comes again from the next one. */
  'no checkpoint': () => (edges) => ({ ...edges, checkpointMs: 600_000 }),
} satisfies Readonly<Record<string, () => Fault>>;

const HOUR_MS = 3_600_000;
/** By the seconds that the process has run. */
const JUMPS = [0, 0, HOUR_MS, -HOUR_MS];

/** Every fault that an engine can be started with, by its name. */
export const FAULTS = { ...DEATHS, ...MISTAKES, ...TROUBLES };

export type FaultName = keyof typeof FAULTS;
