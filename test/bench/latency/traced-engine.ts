// The built engine with a trace at its edges: `traced-engine.ts CONFIG`. Nothing inside of the engine is changed.
import { PerformanceObserver } from 'node:perf_hooks';
import { pathToFileURL } from 'node:url';
import type { Edges } from '../../../engine/commands/edges.ts';
import type { Disk, DiskFile } from '../../../engine/journal/disk.ts';
import type { EventSink, Inbound, Source, SourceHandler } from '../../../engine/ports.ts';
import { CLI } from '../bench.ts';
import { sharedNow } from './clock.ts';
import { alertOf, alertsOf, type Load, type LoadRequest, type Measured, type Trace } from './load.ts';

let load: Load = { first: 0, count: 0, perSecond: 0, alertEvery: 0 };
let trace = beginTrace(load);

function beginTrace(of: Load): Trace & { readonly syncs: number[]; readonly collections: number[] } {
  const instants = () => new Float64Array(alertsOf(of));
  return {
    readAt: instants(),
    durableAt: instants(),
    offeredAt: instants(),
    confirmedAt: instants(),
    syncs: [],
    collections: [],
  };
}

/** The number of a message, which is at its start: `{"n":123,`. */
function numberOf({ payload }: Inbound): number {
  let n = 0;
  for (let i = 5; payload[i] !== 44 && i < payload.length; i++) n = n * 10 + payload[i]! - 48;
  return n;
}

function traceSource(source: Source): Source {
  const traced = (handler: SourceHandler): SourceHandler => ({
    mark: (connection, mark) => handler.mark(connection, mark),
    messages(connection, messages, acknowledge) {
      const readAt = sharedNow();
      const { durableAt, ...current } = trace;
      const alerts: number[] = [];
      for (const message of messages) {
        const alert = alertOf(load, numberOf(message));
        if (alert === undefined) continue;
        alerts.push(alert);
        current.readAt[alert] = readAt;
      }
      handler.messages(connection, messages, () => {
        const at = sharedNow();
        for (const alert of alerts) durableAt[alert] = at;
        acknowledge();
      });
    },
  });
  return { ...source, start: (handler) => source.start(traced(handler)) };
}

function traceEvents(sink: EventSink): EventSink {
  return {
    ...sink,
    async publish(event) {
      const { offeredAt, confirmedAt } = trace;
      const [, n] = /"n":(\d+)/.exec(event.body) ?? [];
      const alert = alertOf(load, Number(n));
      if (alert !== undefined) offeredAt[alert] = sharedNow();
      await sink.publish(event);
      if (alert !== undefined) confirmedAt[alert] = sharedNow();
    },
  };
}

/** Each write to the journal is durable when it resolves. */
function traceFile(file: DiskFile): DiskFile {
  return {
    async write(bytes, offset, length) {
      const startedAt = sharedNow();
      const written = await file.write(bytes, offset, length);
      trace.syncs.push(sharedNow() - startedAt);
      return written;
    },
    writeFile: (data) => file.writeFile(data),
    appendFile: (text) => file.appendFile(text),
    truncate: () => file.truncate(),
    datasync: () => file.datasync(),
    sync: () => file.sync(),
    close: () => file.close(),
  };
}

function traceDisk(disk: Disk): Disk {
  const open: Disk['open'] = async (path, flags, mode) => {
    const file = await disk.open(path, flags, mode);
    return path.endsWith('.wal') ? traceFile(file) : file;
  };
  return { ...disk, open };
}

function traceEdges(edges: Edges): Edges {
  return {
    ...edges,
    disk: traceDisk(edges.disk),
    connect: (options) => {
      const { createSource, eventSink, ...rest } = edges.connect(options);
      return {
        ...rest,
        createSource: (hadSession) => traceSource(createSource(hadSession)),
        eventSink: traceEvents(eventSink),
      };
    },
  };
}

new PerformanceObserver((list) => {
  for (const { duration } of list.getEntries()) trace.collections.push(duration);
}).observe({ entryTypes: ['gc'] });

let before = process.cpuUsage();
process.on('message', (request: LoadRequest) => {
  if (request === 'take') {
    const { user, system } = process.cpuUsage(before);
    const measured: Measured = { cpuUs: user + system, trace };
    process.send?.(measured);
    return;
  }
  load = request.begin;
  trace = beginTrace(load);
  before = process.cpuUsage();
  process.send?.('begun');
});

const built = <M>(file: string) =>
  import(pathToFileURL(CLI.replace(/cli\.js$/, `commands/${file}`)).href) as Promise<M>;
const { realEdges } = await built<typeof import('../../../engine/commands/edges.ts')>('edges.js');
const { loadConfig } = await built<typeof import('../../../engine/commands/load.ts')>('load.js');
const { runEngine } = await built<typeof import('../../../engine/commands/run-engine.ts')>('run-engine.js');

const abort = new AbortController();
process.on('SIGTERM', () => abort.abort());
process.on('disconnect', () => process.exit());
const { stdout, stderr, env } = process;
const io = { stdout, stderr, env, signal: abort.signal };
process.exit(await runEngine(loadConfig(process.argv[2] ?? ''), io, traceEdges(realEdges)));
