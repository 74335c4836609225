import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { pino } from 'pino';
import type { Config } from '../../engine/model/config.ts';
import type { Plan } from '../../engine/model/plan/plan.ts';
import type { JournalRecord } from '../../engine/model/record.ts';
import type { Fold } from '../../engine/runtime/fold.ts';

/** What the benchmark `scale` needs of an engine: the fold, and its checkpoints. */
export interface ScaleEngine {
  feed(records: readonly JournalRecord[]): void;
  /** Does a slice of the work that records have left for later. False: nothing was left. */
  work(): boolean;
  /** Begins a checkpoint. Call it right after a cut is folded. */
  checkpoint(nextOffset: number): ScaleCheckpoint;
  readonly devices: number;
  readonly windowsClosed: number;
  /** Events so far. */
  readonly events: number;
}

/** A checkpoint in progress. */
export interface ScaleCheckpoint {
  /** Does the next part, during which the fold does nothing else. The last part returns a promise that resolves when the checkpoint is on the disk. */
  step(): 'more' | Promise<void>;
}

/** The size of a site; the site window groups so many devices. */
export const SITE_DEVICES = 100;
export const WINDOW_MS = 10_000;
export const SILENCE_MS = 60_000;
/** Neither a reading nor a mean is above it. */
export const LIMIT = 1_000;
const JOURNAL_ID = '0123456789abcdef';

const severe = { severity: 'warning', message: '{{key}} is too hot' };
const hot = (fact: string) => ({ all: [{ fact, operator: 'greaterThan', value: LIMIT }] });
const windowed = {
  window: { tumbling: `${WINDOW_MS}ms` },
  facts: { mean: { mean: 'temp' } },
  conditions: hot('mean'),
};
const RULES = [
  { name: 'device-window', per: ['device'], ...windowed, event: { type: 'hot', params: severe } },
  { name: 'site-window', per: ['site'], ...windowed, event: { type: 'hot', params: severe } },
  { name: 'silence', per: ['device'], silence: `${SILENCE_MS}ms`, event: { type: 'silent' } },
  { name: 'threshold', conditions: hot('temp'), event: { type: 'hot', params: severe } },
];

/** How long a slice of a checkpoint takes; the engine does the same. */
const SLICE_MS = 2;

/** The fold of versions that wrote the whole state at once, and how they wrote it. */
interface OlderFold {
  snapshot(): readonly Buffer[];
}
type OlderWrite = (
  folder: string,
  checkpoint: { readonly journalId: string; readonly nextOffset: number; readonly state: readonly Buffer[] },
) => Promise<void>;

/**
 * The built engine in a `dist` folder, which may be that of another version. Everything that depends on the interfaces of the engine is in
 * this file; where they differ between versions, this file knows both. Checkpoints go into `folder`.
 */
export async function loadEngine(dist: string, folder: string): Promise<() => Promise<ScaleEngine>> {
  const load = (path: string): Promise<unknown> => import(pathToFileURL(join(dist, path)).href);
  const { createFold } = (await load('engine/runtime/fold.js')) as typeof import('../../engine/runtime/fold.ts');
  const { createCounters } = (await load('engine/telemetry.js')) as typeof import('../../engine/telemetry.ts');
  const { config, plan } = await loadRules(load);
  return async () => {
    const counters = createCounters();
    let events = 0;
    let last: JournalRecord | undefined;
    const fold = createFold({
      config,
      plan,
      journalId: JOURNAL_ID,
      checkpoint: undefined,
      earlier: [],
      onEvent: () => {
        events += 1;
      },
      onBatch: () => undefined,
      log: pino({ level: 'silent' }),
      counters,
    });
    return {
      feed(records) {
        last = records.at(-1) ?? last;
        fold.feed(records);
      },
      work() {
        if (!('hasMoreDue' in fold) || !fold.hasMoreDue) return false;
        // As the engine does: another tick at once.
        fold.feed([{ kind: 'tick', offset: last!.offset, at: last!.at }]);
        return true;
      },
      checkpoint: 'snapshot' in fold ? await writeWhole(load, folder, fold) : await writeSections(load, folder, fold),
      get devices() {
        return fold.devices;
      },
      get windowsClosed() {
        return counters.windows_closed;
      },
      get events() {
        return events;
      },
    };
  };
}

type Load = (path: string) => Promise<unknown>;

async function writeWhole(load: Load, folder: string, fold: object): Promise<ScaleEngine['checkpoint']> {
  const { writeCheckpoint } = (await load('engine/journal/checkpoint.js')) as { writeCheckpoint: OlderWrite };
  return (nextOffset) => {
    let state: readonly Buffer[] | undefined;
    return {
      step() {
        if (state !== undefined) return writeCheckpoint(folder, { journalId: JOURNAL_ID, nextOffset, state });
        state = (fold as OlderFold).snapshot();
        return 'more';
      },
    };
  };
}

async function writeSections(
  load: Load,
  folder: string,
  fold: Pick<Fold, 'capture'>,
): Promise<ScaleEngine['checkpoint']> {
  const { openCheckpoints } = (await load(
    'engine/journal/checkpoint/open.js',
  )) as typeof import('../../engine/journal/checkpoint/open.ts');
  const { store } = await openCheckpoints(folder);
  let isFirst = true;
  return (nextOffset) => {
    store.begin(isFirst);
    const { heads, advance, end } = fold.capture(isFirst, (part, content) => store.add(part, content));
    isFirst = false;
    return {
      step() {
        const endAt = performance.now() + SLICE_MS;
        const done = advance(() => performance.now() >= endAt);
        const flushed = store.flush();
        if (!done) {
          flushed.catch(() => undefined);
          return 'more';
        }
        end();
        return store.commit({ journalId: JOURNAL_ID, nextOffset, heads });
      },
    };
  };
}

async function loadRules(load: (path: string) => Promise<unknown>): Promise<{ config: Config; plan: Plan }> {
  const { parseConfig } = (await load('engine/config/parse.js')) as typeof import('../../engine/config/parse.ts');
  const { parseRuleFile } = (await load(
    'engine/language/check/rule-file.js',
  )) as typeof import('../../engine/language/check/rule-file.ts');
  const { compilePlan } = (await load(
    'engine/language/compile/compile-plan.js',
  )) as typeof import('../../engine/language/compile/compile-plan.ts');
  const { config, problems } = parseConfig('weir.json', JSON.stringify(CONFIG), '/etc/weir');
  if (config === undefined) throw new Error(JSON.stringify(problems, null, 2));
  const parsed = RULES.map((rule) => {
    const text = JSON.stringify({ stream: 'sensors', ...rule });
    const { rule: read, document, problems } = parseRuleFile(`${rule.name}.rule.json`, text);
    if (read === undefined) throw new Error(JSON.stringify(problems, null, 2));
    return { rule: read, document };
  });
  const compiled = compilePlan(config.streams, parsed);
  if (compiled.problems.length > 0) throw new Error(JSON.stringify(compiled.problems, null, 2));
  return { config, plan: compiled.plan };
}

const CONFIG = {
  data: 'data',
  rules: 'rules',
  mqtt: { url: 'mqtt://localhost' },
  streams: {
    sensors: {
      topic: 'plant/{site}/{device}/data',
      format: 'json',
      time: { path: 'ts', unit: 'ms' },
      fields: { temp: 'number', humidity: 'number' },
      limits: { devices: 10_000_000, keys: 10_000_000 },
    },
  },
  nats: { servers: 'nats://localhost' },
  clickhouse: { url: 'http://localhost:8123' },
};
