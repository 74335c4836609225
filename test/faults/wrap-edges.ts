import type { ConnectOptions, Connectors } from '../../engine/commands/connect.ts';
import type { Edges } from '../../engine/commands/edges.ts';
import type { Disk, DiskFile } from '../../engine/journal/disk.ts';
import { decodeSound } from '../../engine/journal/format.ts';
import type { JournalRecord } from '../../engine/model/record.ts';
import type { EventSink, SourceHandler, TableSink } from '../../engine/ports.ts';

/** Wraps the edges of an engine so that a fault occurs there. It runs once, in the engine's process. */
export type Fault = (edges: Edges) => Edges;

export function wrapConnectors(wrap: (connectors: Connectors, options: ConnectOptions) => Partial<Connectors>): Fault {
  return (edges) => ({
    ...edges,
    connect: (options) => {
      const connectors = edges.connect(options);
      return { ...connectors, ...wrap(connectors, options) };
    },
  });
}

/** Calls `insert` instead of that of the sink; `go` is the sink's. */
export function wrapInsert(
  insert: (go: TableSink['insert'], ...batch: Parameters<TableSink['insert']>) => Promise<void>,
): Fault {
  return wrapConnectors(({ tableSink: sink }) => ({
    tableSink: { ...sink, insert: (batch, token) => insert(sink.insert, batch, token) },
  }));
}

/** Calls `publish` instead of that of the sink; `go` is the sink's. */
export function wrapPublish(
  publish: (go: EventSink['publish'], ...event: Parameters<EventSink['publish']>) => Promise<void>,
): Fault {
  return wrapConnectors(({ eventSink: sink }) => ({
    eventSink: { ...sink, publish: (event) => publish(sink.publish, event) },
  }));
}

/** Calls `messages` instead of the engine's handler when the source receives messages; `go` is the engine's. */
export function wrapMessages(
  messages: (go: SourceHandler['messages'], ...message: Parameters<SourceHandler['messages']>) => void,
): Fault {
  return wrapConnectors(({ createSource }) => ({
    createSource: (hadSession) => {
      const source = createSource(hadSession);
      const wrap = (handler: SourceHandler): SourceHandler => ({
        messages: (...message) => messages((...each) => handler.messages(...each), ...message),
        mark: (connection, mark) => handler.mark(connection, mark),
      });
      return { ...source, start: (handler) => source.start(wrap(handler)) };
    },
  }));
}

export function wrapDisk(wrap: (disk: Disk) => Partial<Disk>): Fault {
  return (edges) => ({ ...edges, disk: { ...edges.disk, ...wrap(edges.disk) } });
}

/** Wraps each file whose path matches when it is opened. */
export function wrapFiles(path: RegExp, wrap: (file: DiskFile, path: string) => Partial<DiskFile>): Fault {
  return wrapDisk((disk) => ({
    open: async (name, ...how) => {
      const file = await disk.open(name, ...how);
      return path.test(name) ? { ...methodsOf(file), ...wrap(file, name) } : file;
    },
  }));
}

function methodsOf(file: DiskFile): DiskFile {
  return {
    write: (...bytes) => file.write(...bytes),
    writeFile: (data) => file.writeFile(data),
    appendFile: (text) => file.appendFile(text),
    truncate: (length) => file.truncate(length),
    datasync: () => file.datasync(),
    sync: () => file.sync(),
    close: () => file.close(),
  };
}

/**
 * Calls `write` instead of the write of a group to the journal, after which the group is durable. It gets the records of the group; `go` is
 * the original write.
 */
export function wrapGroups(write: <T>(go: () => Promise<T>, records: readonly JournalRecord[]) => Promise<T>): Fault {
  return wrapFiles(/\.wal$/, (file) => ({
    write: (bytes, offset, length) => {
      const go = () => file.write(bytes, offset, length);
      // The header of a segment is written as a whole buffer.
      return offset === undefined || length === undefined ? go() : write(go, recordsIn(bytes, offset, length));
    },
  }));
}

function recordsIn(bytes: Buffer, from: number, length: number): readonly JournalRecord[] {
  const records: JournalRecord[] = [];
  decodeSound(bytes, from, from + length, Number.POSITIVE_INFINITY, records);
  return records;
}
