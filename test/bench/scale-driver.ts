import { readFileSync } from 'node:fs';
import type { JournalRecord } from '../../engine/model/record.ts';
import { loadEngine, type ScaleEngine, SILENCE_MS, SITE_DEVICES, WINDOW_MS } from './scale-engine.ts';
import type { Figures } from './scale-figures.ts';
import { createPlainEngine } from './scale-plain.ts';
import { createScaleJournal, type ScaleJournal } from './scale-records.ts';

/**
 * Measures one engine with one number of devices, in a process of its own. Arguments: the engine's `dist` folder, or `plain` for the
 * baseline; the number of devices; a folder for checkpoints. Needs `--expose-gc`. Sends the figures to its parent.
 */
const [engineName = '', devices = '', folder = ''] = process.argv.slice(2);
const SECOND_MS = 1_000;
/** Enough for the code to be compiled; small enough not to matter. */
const WARM_UP_DEVICES = 2_000;
/** Nothing takes more ticks; also a safeguard against a window that never closes. */
const MOST_TICKS = 60;

/** What some work has cost. */
interface Cost {
  /** CPU of all threads of this process, milliseconds. */
  readonly cpuMs: number;
  /**
   * The longest part without a stop, milliseconds. On a busy machine a process waits for its turn, and helping threads use CPU too, so this
   * is the lesser of elapsed and CPU time.
   */
  readonly pauseMs: number;
}

interface Run {
  readonly engine: ScaleEngine;
  readonly journal: ScaleJournal;
}

const createEngine = engineName === 'plain' ? () => createPlainEngine(folder) : await loadEngine(engineName, folder);
await measure(WARM_UP_DEVICES);
process.send?.(await measure(Number(devices)));

/** The phases of a run, in simulated time: all devices send in each of the first seconds, then fall silent. */
async function measure(count: number): Promise<Figures> {
  const emptyBytes = await usedBytes();
  const run: Run = { engine: createEngine(), journal: createScaleJournal(count) };
  const { engine, journal } = run;
  const bytesPerDevice = async () => ((await usedBytes()) - emptyBytes) / count;
  engine.feed([...journal.mark('started', 0), ...journal.mark('connected', 0)]);

  const first = feedReadings(run, 'all', 0);
  if (engine.devices !== count) throw new Error(`${engine.devices} devices instead of ${count}`);
  tick(run, SECOND_MS);
  feedReadings(run, 'all', SECOND_MS);
  tick(run, 2 * SECOND_MS);
  // Without the rows of open batches, which have nothing to do with the number of devices.
  feed(run, journal.mark('cut', 2 * SECOND_MS));
  const memory = await bytesPerDevice();
  // What the first checkpoint has to write is all in each engine. The next one shows what it costs from then on.
  await checkpoint(run, 'few', 2 * SECOND_MS);
  const later = feedReadings(run, 'all', 2 * SECOND_MS);
  const full = await checkpoint(run, 'all', 3 * SECOND_MS);
  feedReadings(run, 'few', 3 * SECOND_MS);
  const small = await checkpoint(run, 'few', 4 * SECOND_MS);
  const memoryAfter = await bytesPerDevice();

  const quiet = ticksWhile(run, 4 * SECOND_MS, (atMs) => atMs < WINDOW_MS);
  if (engine.windowsClosed > 0) throw new Error('a quiet tick has closed a window');
  await usedBytes();
  const windows = count + Math.ceil(count / SITE_DEVICES);
  const ticks = ticksWhile(run, WINDOW_MS, () => engine.windowsClosed < windows);
  const closing = ticks.filter(({ closed }) => closed > 0);
  ticksWhile(run, WINDOW_MS + ticks.length * SECOND_MS, (atMs) => atMs < SILENCE_MS);
  const before = engine.events;
  await usedBytes();
  // The last reading came within the first five seconds.
  const silentUpTo = SILENCE_MS + 6 * SECOND_MS;
  const silence = ticksWhile(run, SILENCE_MS, (atMs) => atMs <= silentUpTo).filter(({ events }) => events > 0);
  const events = engine.events - before;
  if (events < 2 * count) throw new Error(`${events} events, although ${count} devices fell silent and offline`);

  return {
    'memory of the state': memory,
    'memory of the state after checkpoints': memoryAfter,
    'first sight of a device': (first.cpuMs * 1_000) / count,
    'a later reading': (later.cpuMs * 1_000) / count,
    'a quiet tick: mean': total(quiet).cpuMs / quiet.length,
    'a quiet tick: longest': Math.max(...quiet.map(({ cpuMs }) => cpuMs)),
    'all windows close': total(closing).cpuMs,
    'all windows close: longest pause': total(closing).pauseMs,
    'checkpoint, all keys changed': full.cpuMs,
    'checkpoint, all keys changed: longest pause': full.pauseMs,
    'checkpoint, all keys changed: written': full.writtenBytes,
    'checkpoint, 1 % of keys changed': small.cpuMs,
    'checkpoint, 1 % of keys changed: longest pause': small.pauseMs,
    'checkpoint, 1 % of keys changed: written': small.writtenBytes,
    'all devices fall silent': total(silence).cpuMs / 1_000,
    'all devices fall silent: longest pause': total(silence).pauseMs,
    'all devices fall silent: published': events,
  };
}

/** Bytes in use after a garbage collection, in the heap and outside of it. */
async function usedBytes(): Promise<number> {
  if (globalThis.gc === undefined) throw new Error('the driver needs --expose-gc');
  globalThis.gc();
  // Memory outside of the heap is freed after the collection.
  await new Promise((resolve) => setImmediate(resolve));
  globalThis.gc();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
}

function costOf(work: () => void): Cost {
  const startedAt = performance.now();
  const before = cpuMs();
  work();
  const spent = cpuMs() - before;
  return { cpuMs: spent, pauseMs: Math.min(performance.now() - startedAt, spent) };
}

function total(costs: readonly Cost[]): Cost {
  return {
    cpuMs: costs.reduce((sum, { cpuMs }) => sum + cpuMs, 0),
    pauseMs: Math.max(...costs.map(({ pauseMs }) => pauseMs)),
  };
}

/** Folds records, and does what they leave for later. */
function feed({ engine }: Run, records: readonly JournalRecord[]): Cost {
  const costs = [costOf(() => engine.feed(records))];
  for (let hasMore = true; hasMore; ) {
    costs.push(
      costOf(() => {
        hasMore = engine.work();
      }),
    );
  }
  return total(costs);
}

/** To make the records is not part of the cost. */
function feedReadings(run: Run, which: 'all' | 'few', atMs: number): Cost {
  let sum: Cost = { cpuMs: 0, pauseMs: 0 };
  for (const records of run.journal.readings(which, atMs, SECOND_MS)) sum = total([sum, feed(run, records)]);
  return sum;
}

interface TickCost extends Cost {
  readonly closed: number;
  readonly events: number;
}

function tick(run: Run, atMs: number): TickCost {
  const { windowsClosed, events } = run.engine;
  const cost = feed(run, run.journal.tick(atMs));
  return { ...cost, closed: run.engine.windowsClosed - windowsClosed, events: run.engine.events - events };
}

function ticksWhile(run: Run, fromMs: number, goesOn: (atMs: number) => boolean): TickCost[] {
  const ticks: TickCost[] = [];
  for (let atMs = fromMs; goesOn(atMs); atMs += SECOND_MS) {
    ticks.push(tick(run, atMs));
    if (ticks.length > MOST_TICKS) throw new Error(`something is not done after ${ticks.length} ticks`);
  }
  return ticks;
}

/** Makes a checkpoint while readings come in. Their own cost counts only as a pause. */
async function checkpoint(
  run: Run,
  which: 'all' | 'few',
  atMs: number,
): Promise<Cost & { readonly writtenBytes: number }> {
  const { engine, journal } = run;
  feed(run, journal.mark('cut', atMs));
  await usedBytes();
  const written = writtenBytes();
  const making = engine.checkpoint(journal.nextOffset);
  const costs: Cost[] = [];
  let readings = journal.readings(which, atMs, 0);
  let pauseMs = 0;
  for (;;) {
    let result: 'more' | Promise<void> = 'more';
    const before = cpuMs();
    const { pauseMs: stepMs } = costOf(() => {
      result = making.step();
    });
    pauseMs = Math.max(pauseMs, stepMs);
    await result;
    costs.push({ cpuMs: cpuMs() - before, pauseMs });
    if (result !== 'more') break;
    let next = readings.next();
    if (next.done) {
      readings = journal.readings(which, atMs, 0);
      next = readings.next();
    }
    if (!next.done) pauseMs = Math.max(pauseMs, feed(run, next.value).pauseMs);
  }
  return { ...total(costs), pauseMs, writtenBytes: writtenBytes() - written };
}

/** Bytes that this process has written, from the operating system. */
function writtenBytes(): number {
  return Number(/^wchar: (\d+)$/m.exec(readFileSync('/proc/self/io', 'utf8'))?.[1]);
}
