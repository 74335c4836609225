import { CRASHES } from './crashes.ts';
import { MISTAKES } from './mistakes.ts';
import { at, hasMessages } from './steps.ts';
import { type Fault, wrapGroups, wrapMessages } from './wrap-edges.ts';

/** Faults of the machine. */
const MACHINE_FAULTS = {
  /** The disk returns an error once. */
  'disk error': () => {
    const isDue = at(5);
    return wrapGroups(async (go, records) => {
      const result = await go();
      if (hasMessages(records) && isDue()) throw Object.assign(new Error('EIO: i/o error, write'), { code: 'EIO' });
      return result;
    });
  },
  /** While readings arrive, the clock is an hour ahead for a second, then an hour behind for a second. */
  'clock jumps': (): Fault => {
    let startedAt: number | undefined;
    const watch = wrapMessages((go, ...message) => {
      startedAt ??= performance.now();
      go(...message);
    });
    const jumpMs = () => JUMPS[Math.floor((performance.now() - (startedAt ?? performance.now())) / 1_000)] ?? 0;
    return (edges) => watch({ ...edges, clock: { ...edges.clock, now: () => edges.clock.now() + jumpMs() } });
  },
  /** Without a checkpoint, the next engine sends everything again. */
  'no checkpoint': (): Fault => (edges) => ({ ...edges, checkpointMs: 600_000 }),
  'frequent checkpoints': (): Fault => (edges) => ({ ...edges, checkpointMs: 300 }),
} satisfies Readonly<Record<string, () => Fault>>;

const HOUR_MS = 3_600_000;
/** The jump in each second since the first reading. */
const JUMPS = [0, HOUR_MS, -HOUR_MS];

/** All faults of an engine, by name. */
export const FAULTS = { ...CRASHES, ...MISTAKES, ...MACHINE_FAULTS };

export type FaultName = keyof typeof FAULTS;
