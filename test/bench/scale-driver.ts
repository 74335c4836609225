import type { JournalRecord } from '../../engine/model/record.ts';
import { type Cost, costOf, cpuMs, total, usedBytes, writtenBytes } from './cost.ts';
import {
  loadEngine,
  type ScaleCheckpoint,
  type ScaleEngine,
  SILENCE_MS,
  SITE_DEVICES,
  WINDOW_MS,
} from './scale-engine.ts';
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
/** Collections before the first record. */
const EMPTY_ROUNDS = 8;
/** When the last reading comes. */
const READINGS_UP_TO_MS = 4 * SECOND_MS;
/** Nothing takes more ticks; also a safeguard against a window that never closes. */
const MOST_TICKS = 60;

interface Run {
  readonly engine: ScaleEngine;
  readonly journal: ScaleJournal;
}

const createEngine = engineName === 'plain' ? () => createPlainEngine(folder) : await loadEngine(engineName, folder);
// Nobody needs the figures of a parent that has ended.
process.once('disconnect', () => process.exit(1));
await measure(WARM_UP_DEVICES);
process.send?.(await measure(Number(devices)));

/** A run has three phases, in simulated time: all devices send in each of the first seconds, then windows close, then all are silent. */
async function measure(count: number): Promise<Figures> {
  // The state of the warm-up must be gone.
  const emptyBytes = await usedBytes(EMPTY_ROUNDS);
  const run: Run = { engine: await createEngine(), journal: createScaleJournal(count) };
  return {
    ...(await measureReadings(run, count, async () => ((await usedBytes()) - emptyBytes) / count)),
    ...(await measureWindows(run, count)),
    ...(await measureSilence(run, count)),
  };
}

async function measureReadings(run: Run, count: number, bytesPerDevice: () => Promise<number>) {
  const { engine, journal } = run;
  feed(run, [...journal.mark('started', 0), ...journal.mark('connected', 0)]);
  const first = feedReadings(run, 'all', 0);
  if (engine.devices !== count) throw new Error(`${engine.devices} devices instead of ${count}`);
  tick(run, SECOND_MS);
  feedReadings(run, 'all', SECOND_MS);
  tick(run, 2 * SECOND_MS);
  // Without the rows of open batches, which have nothing to do with the number of devices.
  feed(run, journal.mark('cut', 2 * SECOND_MS));
  const memory = await bytesPerDevice();
  // The first checkpoint of any engine has to write everything. The next ones show what checkpoints cost from then on.
  await checkpoint(run, 'few', 2 * SECOND_MS);
  const later = feedReadings(run, 'all', 2 * SECOND_MS);
  const full = await checkpoint(run, 'all', 3 * SECOND_MS);
  feedReadings(run, 'few', 3 * SECOND_MS);
  const small = await checkpoint(run, 'few', READINGS_UP_TO_MS);
  return {
    'memory of the state': memory,
    'memory of the state after checkpoints': await bytesPerDevice(),
    'first sight of a device': (first.cpuMs * 1_000) / count,
    'a later reading': (later.cpuMs * 1_000) / count,
    'checkpoint, all keys changed': full.cpuMs,
    'checkpoint, all keys changed: longest pause': full.pauseMs,
    'checkpoint, all keys changed: written': full.writtenBytes,
    'checkpoint, 1 % of keys changed': small.cpuMs,
    'checkpoint, 1 % of keys changed: longest pause': small.pauseMs,
    'checkpoint, 1 % of keys changed: written': small.writtenBytes,
  };
}

async function measureWindows(run: Run, count: number) {
  const { engine } = run;
  const quiet = ticksWhile(run, READINGS_UP_TO_MS, (atMs) => atMs < WINDOW_MS);
  if (engine.windowsClosed > 0) throw new Error('a quiet tick has closed a window');
  await usedBytes();
  const windows = count + Math.ceil(count / SITE_DEVICES);
  const ticks = ticksWhile(run, WINDOW_MS, () => engine.windowsClosed < windows);
  ticksWhile(run, WINDOW_MS + ticks.length * SECOND_MS, (atMs) => atMs < SILENCE_MS);
  const closing = total(ticks.filter(({ closed }) => closed > 0));
  return {
    'a quiet tick: mean': total(quiet).cpuMs / quiet.length,
    'a quiet tick: longest': Math.max(...quiet.map(({ cpuMs }) => cpuMs)),
    'all windows close': closing.cpuMs,
    'all windows close: longest pause': closing.pauseMs,
  };
}

async function measureSilence(run: Run, count: number) {
  const { engine } = run;
  const before = engine.events;
  await usedBytes();
  const upToMs = SILENCE_MS + READINGS_UP_TO_MS + SECOND_MS;
  const ticks = ticksWhile(run, SILENCE_MS, (atMs) => atMs <= upToMs);
  const events = engine.events - before;
  if (events < 2 * count) throw new Error(`${events} events, although ${count} devices fell silent and offline`);
  const silence = total(ticks.filter(({ events }) => events > 0));
  return {
    'all devices fall silent': silence.cpuMs / 1_000,
    'all devices fall silent: longest pause': silence.pauseMs,
    'all devices fall silent: published': events,
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
  const readings = readingsAt(journal, which, atMs);
  let making: ScaleCheckpoint | undefined;
  let end: Promise<void> | undefined;
  const costs: Cost[] = [];
  while (end === undefined) {
    const step = costOf(() => {
      making ??= engine.checkpoint(journal.nextOffset);
      const result = making.step();
      if (result !== 'more') end = result;
    });
    costs.push(step, { cpuMs: 0, pauseMs: feed(run, readings.next().value).pauseMs });
  }
  const before = cpuMs();
  await end;
  costs.push({ cpuMs: cpuMs() - before, pauseMs: 0 });
  return { ...total(costs), writtenBytes: writtenBytes() - written };
}

/** Readings without end, all at the same instant. */
function* readingsAt(journal: ScaleJournal, which: 'all' | 'few', atMs: number): Generator<JournalRecord[], never> {
  for (;;) yield* journal.readings(which, atMs, 0);
}
