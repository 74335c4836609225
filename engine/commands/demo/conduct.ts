import { setTimeout as delay } from 'node:timers/promises';
import { runSimulation, type SimulationProgress, type SimulationReport } from '../simulation.ts';
import type { Display } from './display.ts';
import { type EngineProcess, tailOf } from './engine.ts';
import { lookupsOf } from './lookups.ts';
import type { Stored } from './observe.ts';
import type { DemoOptions } from './options.ts';
import { createRate } from './rate.ts';
import type { Servers } from './servers.ts';
import { judge, type Verdict } from './verdict.ts';
import type { View } from './view.ts';
import type { Watch } from './watch.ts';

/** Something that the demo consists of ended before its time; the message is for the user. */
export class Broken extends Error {
  override readonly name = 'Broken';
}

export interface Cast {
  readonly options: DemoOptions;
  readonly servers: Servers;
  readonly engine: EngineProcess;
  readonly watch: Watch;
  readonly display: Display;
  /** Ends the simulation; everything that was published is still waited for. */
  readonly signal: AbortSignal;
}

const LOOK_MS = 1_000;
/** For the last rows, behind the last message. */
const ARRIVAL_DEADLINE_MS = 20_000;

/**
 * Publishes for as long as it was asked to, shows what happens, waits until everything has arrived, ends the engine, and judges.
 * Rejects with Broken where the engine or a server ends before its time.
 */
export async function conduct(cast: Cast): Promise<{ readonly verdict: Verdict; readonly stored: Stored }> {
  const { engine, watch, display, servers } = cast;
  const run = new Run(cast);
  const alarm = watchOver(engine, servers);
  cast.signal.addEventListener('abort', run.stop);
  alarm.signal.addEventListener('abort', run.stop);
  if (cast.signal.aborted) run.stop();
  const startedAt = performance.now();
  const ended = new AbortController();
  display.show(() => run.view());
  try {
    const looking = run.keepLooking(ended.signal);
    const report = await run.simulate();
    run.phase = 'waiting for the last rows';
    ended.abort();
    await looking;
    await watch.lookUntil(() => run.hasArrived(report), ARRIVAL_DEADLINE_MS, alarm.signal);
    const durationMs = performance.now() - startedAt;
    run.phase = 'stopping the engine';
    await alarm.disarm();
    const endedWell = await engine.stop();
    const stored = await watch.final();
    run.phase = 'done';
    const { board, before } = watch;
    const verdict = judge({
      report,
      engine: watch.engine,
      before,
      after: stored,
      board,
      durationMs,
      endedWell,
    });
    return { verdict, stored };
  } finally {
    ended.abort();
    cast.signal.removeEventListener('abort', run.stop);
    display.close();
  }
}

interface Alarm {
  /** Fires when something ended before its time. */
  readonly signal: AbortSignal;
  /** To be called before things are ended on purpose. Rejects with Broken where something was faster. */
  disarm(): Promise<void>;
}

function watchOver(engine: EngineProcess, { nats, clickhouse }: Servers): Alarm {
  const controller = new AbortController();
  let broken: string | undefined;
  let armed = true;
  const raise = (what: string) => (how: string) => {
    if (!armed) return;
    broken ??= `${what} ended before its time: ${how}`;
    controller.abort();
  };
  engine.exited.then(raise('The engine'));
  nats.exited.then(raise('NATS'));
  clickhouse.exited.then(raise('ClickHouse'));
  return {
    signal: controller.signal,
    async disarm() {
      armed = false;
      if (broken !== undefined)
        throw new Broken(`${broken}\n${engine.logFile} ends with:\n${await tailOf(engine.logFile)}`);
    },
  };
}

/** A run under way: what the simulator has done so far, and how fast. */
class Run {
  readonly #cast: Cast;
  readonly #halt = new AbortController();
  readonly #published = createRate();
  readonly #rows = createRate();
  readonly #lookups: View['lookups'];
  #progress: SimulationProgress | undefined;
  phase = 'Ctrl-C ends it';

  constructor(cast: Cast) {
    this.#cast = cast;
    const { servers, engine } = cast;
    this.#lookups = lookupsOf({
      clickhouseUrl: servers.clickhouse.url,
      natsPort: servers.nats.port,
      engineUrl: engine.url,
      configFile: engine.configFile,
      logFile: engine.logFile,
      cwd: process.cwd(),
    });
  }

  readonly stop = (): void => {
    this.phase = 'stopping';
    this.#halt.abort();
  };

  simulate(): Promise<SimulationReport> {
    const { options, servers } = this.#cast;
    const { devices, everyMs, seed, faults, forMs } = options;
    return runSimulation(
      {
        broker: { url: servers.broker.url },
        source: { kind: 'fleet', devices, everyMs, seed, faults },
        ...(forMs !== undefined && { forMs }),
      },
      this.#halt.signal,
      (progress) => {
        this.#progress = progress;
        this.#published.sample(Date.now(), progress.acknowledged);
      },
    );
  }

  async keepLooking(signal: AbortSignal): Promise<void> {
    const { watch } = this.#cast;
    while (!signal.aborted) {
      await watch.look();
      this.#rows.sample(Date.now(), watch.stored.rows);
      // An aborted sleep rejects; the loop sees the signal itself.
      await delay(LOOK_MS, undefined, { signal }).catch(() => undefined);
    }
  }

  /** Whether every message has come to its end, and nothing waits on its way. */
  hasArrived(report: SimulationReport): boolean {
    const { stored, engine } = this.#cast.watch;
    return stored.rows + stored.rejected >= report.distinctReadings + report.garbage && engine.pendingBytes === 0;
  }

  view(): View {
    const { options, watch } = this.#cast;
    const faults = new Map<string, number>();
    for (const { fault } of this.#progress?.active ?? []) faults.set(fault, (faults.get(fault) ?? 0) + 1);
    return {
      ...options,
      now: Date.now(),
      phase: this.phase,
      elapsedMs: this.#progress?.elapsedMs ?? 0,
      published: this.#progress?.acknowledged ?? 0,
      publishedPerSecond: this.#published.value(),
      rowsPerSecond: this.#rows.value(),
      stored: watch.stored,
      engine: watch.engine,
      board: watch.board,
      faults: [...faults].sort(([a], [b]) => (a < b ? -1 : 1)),
      lookups: this.#lookups,
    };
  }
}
