import { once } from 'node:events';
import { getHeapStatistics, setFlagsFromString } from 'node:v8';
import pino, { type Logger } from 'pino';
import { startHttpServer } from '../../connectors/http/http.ts';
import { formatProblem } from '../document/problem.ts';
import { compareWithHeap } from '../runtime/capacity-watch.ts';
import { type Service, startService } from '../runtime/service.ts';
import { type Counters, createCounters, createTimings } from '../telemetry.ts';
import type { CommandIo } from './command.ts';
import type { Edges } from './edges.ts';
import type { Loaded } from './load.ts';
import { createLogDestination } from './log-destination.ts';

/** Milliseconds that a stop may take for delivery. The next start delivers the rest. */
export const DRAIN_MS = 8_000;
/** Milliseconds for the last log lines, if nobody reads the log or the disk is full. */
const LOG_FLUSH_MS = 500;

/**
 * Runs the engine of a config with the given edges, until `io.signal` is aborted or the engine fails. Resolves with the exit code of `weir run`.
 * Rejects with InvalidInput if a secret or certificate is missing.
 */
export async function runEngine(loaded: Loaded, io: CommandIo, edges: Edges): Promise<number> {
  const { config, warnings } = loaded;
  // Records and readings are folded in arrays, so some of each array survive a minor collection. From that V8 concludes that all of them live
  // long, and creates them in the old generation: every message would wait there for a major collection.
  setFlagsFromString('--no-allocation-site-pretenuring');
  for (const warning of warnings) io.stderr.write(`${formatProblem(warning)}\n`);
  const counters = createCounters();
  const destination = createLogDestination({ fd: 1, counters });
  const log = pino({ level: config.log.level, base: null, timestamp: pino.stdTimeFunctions.isoTime }, destination);
  try {
    return await runUntilStopped(loaded, io, edges, { log, counters });
  } finally {
    await destination.flush(LOG_FLUSH_MS);
  }
}

async function runUntilStopped(
  { config, plan }: Loaded,
  io: CommandIo,
  edges: Edges,
  { log, counters }: { readonly log: Logger; readonly counters: Counters },
): Promise<number> {
  const { connect, ...rest } = edges;
  const timings = createTimings();
  const common = { ...rest, config, log, counters, timings };
  const connectors = connect({ ...common, env: io.env });
  const failed = new AbortController();
  const onFailure = (error: Error) => {
    log.fatal(
      { reason: error.message },
      'the engine failed and stops, so that no message is acknowledged that is not durable. Correct the reason (for example the disk) and start it again; it continues from the journal',
    );
    failed.abort();
  };
  compareWithHeap(plan, getHeapStatistics().heap_size_limit, log);
  let service: Service | undefined;
  let http: Awaited<ReturnType<typeof startHttpServer>>;
  try {
    const starting = startService({ ...common, ...connectors, plan, onFailure });
    // With a large journal or a slow disk, the start may take long.
    const started = await Promise.race([starting, untilAborted(io.signal)]);
    if (started === undefined) {
      log.info('stopped by a signal while it was starting');
      starting.then(
        (late) => late.stop(0),
        () => undefined,
      );
      return 0;
    }
    service = started;
    const gauges = () => ({ ...started.gauges() });
    http = await startHttpServer({ ...config.http, counters, timings, gauges, status: () => started.status() });
  } catch (error) {
    // Most errors are for the operator, and the message is enough. A TypeError is a bug, which needs its stack.
    const { message, stack } = error as Error;
    log.fatal({ reason: message, ...(error instanceof TypeError && { stack }) }, 'cannot start');
    await service?.stop(0);
    return 1;
  }
  log.info(
    { config: config.file, rules: plan.rules.length, streams: config.streams.length, http: http.url },
    'running',
  );
  const watcher = watchReadiness(service, log);
  await untilAborted(io.signal, failed.signal);
  clearInterval(watcher);
  if (failed.signal.aborted) return 1;
  log.info('stopping');
  const { drained } = await service.stop(DRAIN_MS);
  await http.close();
  log.info(
    { drained },
    drained
      ? 'stopped'
      : 'stopped before everything was delivered; the rest is in the journal, and the next start delivers it',
  );
  return 0;
}

async function untilAborted(...signals: readonly AbortSignal[]): Promise<void> {
  if (signals.some((signal) => signal.aborted)) return;
  await Promise.race(signals.map((signal) => once(signal, 'abort')));
}

const READINESS_CHECK_MS = 1_000;

/** Logs each change of a part between ready and not ready. */
function watchReadiness(service: Service, log: Logger): NodeJS.Timeout {
  const known = new Map<string, boolean>();
  return setInterval(() => {
    for (const { name, ready, reason } of service.status()) {
      if (known.get(name) === ready) continue;
      known.set(name, ready);
      if (ready) log.info({ part: name }, 'ready');
      else log.warn({ part: name, reason }, 'not ready');
    }
  }, READINESS_CHECK_MS);
}
