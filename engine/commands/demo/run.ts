import { setTimeout as delay } from 'node:timers/promises';
import { runSimulation, type SimulationProgress } from '../simulate/fleet.ts';
import type { SimulationReport } from '../simulate/report.ts';
import type { Display } from './display.ts';
import type { EngineProcess } from './engine.ts';
import { hintsFor } from './hints.ts';
import type { DemoOptions } from './options.ts';
import { createRate } from './rate.ts';
import type { RunMonitor } from './run-monitor.ts';
import type { Servers } from './servers.ts';
import type { View } from './view.ts';

/** The parts of a running demo. */
export interface DemoParts {
  readonly options: DemoOptions;
  readonly servers: Servers;
  readonly engine: EngineProcess;
  readonly monitor: RunMonitor;
  readonly display: Display;
  /** Stops the simulation. The demo still waits until everything that was published has arrived. */
  readonly signal: AbortSignal;
}

const REFRESH_MS = 1_000;

/** A run in progress: drives the simulator and gives the data of the live view. */
export class DemoRun {
  readonly #parts: DemoParts;
  readonly #stopped = new AbortController();
  readonly #published = createRate();
  readonly #rows = createRate();
  readonly #hints: View['hints'];
  #progress: SimulationProgress | undefined;
  /** What the demo does now, in a few words. */
  phase = 'Ctrl-C stops it';

  constructor(parts: DemoParts) {
    this.#parts = parts;
    const { servers, engine } = parts;
    this.#hints = hintsFor({
      clickhouseUrl: servers.clickhouse.url,
      natsPort: servers.nats.port,
      mqttPort: servers.broker.port,
      engineUrl: engine.url,
      configFile: engine.configFile,
      logFile: engine.logFile,
      cwd: process.cwd(),
    });
  }

  /** Stops the simulation. */
  readonly stop = (): void => {
    this.phase = 'stopping';
    this.#stopped.abort();
  };

  /** Publishes until the requested time is over or `stop` is called. */
  simulate(): Promise<SimulationReport> {
    const { options, servers } = this.#parts;
    const { devices, everyMs, seed, faults, forMs } = options;
    return runSimulation(
      {
        broker: { url: servers.broker.url },
        source: { kind: 'fleet', devices, everyMs, seed, faults },
        ...(forMs !== undefined && { forMs }),
      },
      this.#stopped.signal,
      (progress) => {
        this.#progress = progress;
        this.#published.sample(Date.now(), progress.acknowledged);
      },
    );
  }

  /** Refreshes the counts once a second until `end` is called. */
  startRefreshing(): { readonly end: () => void; readonly ended: Promise<void> } {
    const controller = new AbortController();
    return { end: () => controller.abort(), ended: this.#keepRefreshing(controller.signal) };
  }

  async #keepRefreshing(signal: AbortSignal): Promise<void> {
    const { monitor } = this.#parts;
    while (!signal.aborted) {
      await monitor.refresh();
      this.#rows.sample(Date.now(), monitor.stored.rows);
      // An aborted sleep rejects; the loop sees the signal itself.
      await delay(REFRESH_MS, undefined, { signal }).catch(() => undefined);
    }
  }

  /** Whether every message is a row or a dead letter, and nothing waits for delivery. */
  hasArrived(report: SimulationReport): boolean {
    const { stored, engine } = this.#parts.monitor;
    return stored.rows + stored.rejected >= report.distinctReadings + report.garbage && engine.pendingBytes === 0;
  }

  /** The data of the live view at this moment. */
  view(): View {
    const { options, monitor } = this.#parts;
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
      stored: monitor.stored,
      engine: monitor.engine,
      alerts: monitor.alerts,
      faults: [...faults].sort(([a], [b]) => (a < b ? -1 : 1)),
      hints: this.phase === 'done' ? undefined : this.#hints,
    };
  }
}
