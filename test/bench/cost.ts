import { readFileSync } from 'node:fs';

/** Collections are repeated until one frees less than a thousandth. */
const STABLE = 0.999;
const PAUSE_MS = 20;

/** What some work has cost. */
export interface Cost {
  /** CPU of all threads of this process, milliseconds. */
  readonly cpuMs: number;
  /**
   * The longest time in which the engine took no records, milliseconds. On a busy machine a process waits for its turn, and helping threads
   * use CPU too, so this is the lesser of elapsed and CPU time.
   */
  readonly pauseMs: number;
}

/** Bytes in use after garbage collections, at least `rounds` of them, in the heap and outside of it. */
export async function usedBytes(rounds = 2): Promise<number> {
  if (globalThis.gc === undefined) throw new Error('the driver needs --expose-gc');
  let least = Number.POSITIVE_INFINITY;
  for (let round = 1; ; round++) {
    globalThis.gc();
    // What ended just now, and memory outside of the heap, is freed a little later.
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    const { heapUsed, external } = process.memoryUsage();
    if (round >= rounds && heapUsed + external > least * STABLE) return Math.min(least, heapUsed + external);
    least = Math.min(least, heapUsed + external);
  }
}

/** CPU time of this process up to now, milliseconds. */
export function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
}

/** What synchronous work costs. */
export function costOf(work: () => void): Cost {
  const startedAt = performance.now();
  const before = cpuMs();
  work();
  const spent = cpuMs() - before;
  return { cpuMs: spent, pauseMs: Math.min(performance.now() - startedAt, spent) };
}

/** The sum of the CPU time, and the longest pause. */
export function total(costs: readonly Cost[]): Cost {
  return {
    cpuMs: costs.reduce((sum, { cpuMs }) => sum + cpuMs, 0),
    pauseMs: costs.reduce((longest, { pauseMs }) => Math.max(longest, pauseMs), 0),
  };
}

/** Bytes that this process has written, from the operating system. */
export function writtenBytes(): number {
  return Number(/^wchar: (\d+)$/m.exec(readFileSync('/proc/self/io', 'utf8'))?.[1]);
}
