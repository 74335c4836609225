import { randomUUID } from 'node:crypto';
import { cut } from '../../delivery/batches.ts';
import { createRowEncoder } from '../../delivery/row-binary.ts';
import { DEAD_LETTERS } from '../../delivery/tables.ts';
import { type Owner, writeRedrive } from '../../journal/redrive.ts';
import type { Config } from '../../model/config.ts';
import type { TableSink } from '../../ports.ts';
import { fingerprint } from '../../runtime/redrive-feed.ts';
import { type DeadLetter, type DeadLetterFilter, type DeadLetters, idOf } from './dead-letter.ts';
import { createDryRun, type DryRun } from './dry-run.ts';

export interface RetryOptions {
  readonly config: Config;
  readonly deadLetters: DeadLetters;
  /** Where to mark dead letters as retried, and the owner of the files. Undefined for a dry run, which writes nothing. */
  readonly write: { readonly sink: TableSink; readonly owner: Owner | undefined } | undefined;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  readonly signal: AbortSignal;
}

/** The result of a retry. In a dry run, `redriven` and `readings` count what a real run would write. */
export interface RetryReport {
  /** Dead letters that were decoded. */
  letters: number;
  /** Dead letters that were written for the engine. */
  redriven: number;
  /** Readings of the redriven ones. */
  readings: number;
  /** Number of dead letters that were not redriven, by the reason of their failure; '' if they have nothing to redrive. */
  readonly left: Map<string, number>;
  /** The first of these. */
  readonly examples: { readonly id: string; readonly result: Exclude<DryRun, { kind: 'ready' }> }[];
  /** Paths of the written files. */
  readonly files: string[];
  /** The error of ClickHouse, if the dead letters of the last file could not be marked as retried. */
  unmarked: string | undefined;
}

/** Dead letters per query. */
const PAGE = 5_000;
/** Limits of a file. The engine reads one file at a time. */
const FILE_BYTES = 4 * 1024 * 1024;
const FILE_LETTERS = 10_000;
const SHOWN = 10;

type Ready = { readonly letter: DeadLetter; readonly connection: number };

/**
 * Decodes each dead letter of the filter, the oldest first, and writes those that can be decoded to files for the engine. They are marked as retried
 * once their file is durable. If that fails, they may be redriven twice, but the tables keep one row.
 */
export async function retryDeadLetters(filter: DeadLetterFilter, options: RetryOptions): Promise<RetryReport> {
  const { deadLetters, config, now, signal } = options;
  const dryRun = createDryRun(config, now);
  const report = createReport();
  const gathered: Ready[] = [];
  let bytes = 0;
  const next = (after?: DeadLetter) => deadLetters.find(filter, { limit: PAGE, order: 'oldest', after, payload: true });
  for (let found = await next(); found.length > 0 && !signal.aborted; found = await next(found.at(-1))) {
    for (const letter of found) {
      const result = dryRun(letter);
      addResult(report, letter, result);
      if (result.kind !== 'ready') continue;
      gathered.push({ letter, connection: result.connection });
      bytes += letter.bytes;
      if (bytes < FILE_BYTES && gathered.length < FILE_LETTERS) continue;
      await writeFile(gathered.splice(0), report, options);
      bytes = 0;
      if (report.unmarked !== undefined) return report;
    }
  }
  if (gathered.length > 0) await writeFile(gathered, report, options);
  return report;
}

function createReport(): RetryReport {
  return { letters: 0, redriven: 0, readings: 0, left: new Map(), examples: [], files: [], unmarked: undefined };
}

function addResult(report: RetryReport, letter: DeadLetter, result: DryRun): void {
  report.letters += 1;
  if (result.kind === 'ready') {
    report.redriven += 1;
    report.readings += result.readings.length;
    return;
  }
  const reason = result.kind === 'fails' ? result.faults[0]!.reason : '';
  report.left.set(reason, (report.left.get(reason) ?? 0) + 1);
  if (report.examples.length < SHOWN) report.examples.push({ id: idOf(letter), result });
}

/** Writes a file of dead letters for the engine, then marks them as retried. */
async function writeFile(
  ready: readonly Ready[],
  report: RetryReport,
  { config, write, now }: RetryOptions,
): Promise<void> {
  if (write === undefined) return;
  const messages = ready.map(({ letter: { at, topic, payload }, connection }) => {
    const delivery = { qos: 1, retain: false, dup: false, packetId: 0 } as const;
    return { kind: 'message', at, connection, topic, payload, ...delivery } as const;
  });
  const head = { at: now(), config: fingerprint(config), brokers: config.mqtt.map(({ name }) => name) };
  report.files.push(await writeRedrive(config.data, { ...head, messages }, report.files.length, write.owner));
  try {
    await markRetried(ready, write.sink, now());
  } catch (error) {
    report.unmarked = (error as Error).message;
  }
}

/** Inserts the rows again with `retried`. The table keeps the last of equal rows. */
async function markRetried(ready: readonly Ready[], sink: TableSink, retriedAt: number): Promise<void> {
  const encoder = createRowEncoder(DEAD_LETTERS);
  for (const { letter } of ready) {
    for (const { id, receivedAt, stream, reason, detail, hasPayload } of letter.faults) {
      const { at, topic, payload, offset } = letter;
      const kept = hasPayload ? payload : '';
      encoder.encodeRow([at, receivedAt, stream, topic, reason, detail, kept, offset, id, retriedAt], offset);
    }
  }
  // A unique token, so that the server never deduplicates this insert.
  await sink.insert(cut({ table: DEAD_LETTERS, encoder, openedAt: 0 }), `retry:${randomUUID()}`);
}
