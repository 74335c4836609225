import { setTimeout as delay } from 'node:timers/promises';
import { runSimulation, type SimulationProgress } from '../simulate/fleet.ts';
import type { SimulationReport } from '../simulate/report.ts';
import type { Display } from './display.ts';
import type { EngineProcess } from './engine.ts';
import { lookupsOf } from './lookups.ts';
import type { DemoOptions } from './options.ts';
import { createRate } from './rate.ts';
import type { Servers } from './servers.ts';
import type { View } from './view.ts';
import type { Watch } from './watch.ts';

/** Everything that takes part in a run. */
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

/** A run under way: what the simulator has done so far, and how fast. */
export class Run {
  readonly #cast: Cast;
  readonly #halt = new AbortController();
  readonly #published = createRate();
  readonly #rows = createRate();
  readonly #lookups: View['lookups'];
  #progress: SimulationProgress | undefined;
  /** What goes on, in a few words. */
  phase = 'Ctrl-C ends it';

  constructor(cast: Cast) {
    this.#cast = cast;
    const { servers, engine } = cast;
    this.#lookups = lookupsOf({
      clickhouseUrl: servers.clickhouse.url,
      natsPort: servers.nats.port,
      mqttPort: servers.broker.port,
      engineUrl: engine.url,
      configFile: engine.configFile,
      logFile: engine.logFile,
      cwd: process.cwd(),
    });
  }

  /** Ends the simulation. */
  readonly stop = (): void => {
    this.phase = 'stopping';
    this.#halt.abort();
  };

  /** Publishes until the time is over or `stop`. */
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

  /** Looks at the far ends once a second until told to end. */
  startLooking(): { readonly end: () => void; readonly ended: Promise<void> } {
    const controller = new AbortController();
    return { end: () => controller.abort(), ended: this.#keepLooking(controller.signal) };
  }

  async #keepLooking(signal: AbortSignal): Promise<void> {
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

  /** The state of things right now. */
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
      lookups: this.phase === 'done' ? undefined : this.#lookups,
    };
  }
}
