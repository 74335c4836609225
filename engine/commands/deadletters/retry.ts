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
  readonly letters: DeadLetters;
  /** Undefined: nothing is written, neither file nor table. */
  readonly write: { readonly sink: TableSink; readonly owner: Owner | undefined } | undefined;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  readonly signal: AbortSignal;
}

/** What a retry has come to. `letters`, `redriven` and `readings` count also what was not written, where nothing is. */
export interface RetryReport {
  /** DeadLetters that were looked at. */
  letters: number;
  redriven: number;
  /** What the redriven ones hold. */
  readings: number;
  /** DeadLetters left alone, by the reason why they still fail; those with nothing to redrive by '' . */
  readonly left: Map<string, number>;
  /** The first of them. */
  readonly examples: { readonly id: string; readonly rehearsal: Exclude<DryRun, { kind: 'ready' }> }[];
  readonly files: string[];
  /** DeadLetters in the last file that could not be marked as retried; what ClickHouse said. */
  unmarked: string | undefined;
}

/** DeadLetters asked for at once. */
const PAGE = 5_000;
/** A file is complete with so much; the engine takes up one at a time. */
const FILE_BYTES = 4 * 1024 * 1024;
const FILE_LETTERS = 10_000;
const SHOWN = 10;

type Ready = { readonly letter: DeadLetter; readonly connection: number };

/**
 * Rehearses each letter that the filter means, the oldest first, and writes those that can be decoded to files for the engine. DeadLetters are
 * marked as retried once their file is durable: where that fails, they may be redriven twice and are one row all the same.
 */
export async function retryLetters(filter: DeadLetterFilter, options: RetryOptions): Promise<RetryReport> {
  const { letters, config, now, signal } = options;
  const rehearse = createDryRun(config, now);
  const report = createReport();
  const gathered: Ready[] = [];
  let bytes = 0;
  const next = (after?: DeadLetter) => letters.find(filter, { limit: PAGE, order: 'oldest', after, payload: true });
  for (let found = await next(); found.length > 0 && !signal.aborted; found = await next(found.at(-1))) {
    for (const letter of found) {
      const rehearsal = rehearse(letter);
      take(report, letter, rehearsal);
      if (rehearsal.kind !== 'ready') continue;
      gathered.push({ letter, connection: rehearsal.connection });
      bytes += letter.bytes;
      if (bytes < FILE_BYTES && gathered.length < FILE_LETTERS) continue;
      await hand(gathered.splice(0), report, options);
      bytes = 0;
      if (report.unmarked !== undefined) return report;
    }
  }
  if (gathered.length > 0) await hand(gathered, report, options);
  return report;
}

function createReport(): RetryReport {
  return { letters: 0, redriven: 0, readings: 0, left: new Map(), examples: [], files: [], unmarked: undefined };
}

function take(report: RetryReport, letter: DeadLetter, rehearsal: DryRun): void {
  report.letters += 1;
  if (rehearsal.kind === 'ready') {
    report.redriven += 1;
    report.readings += rehearsal.readings.length;
    return;
  }
  const reason = rehearsal.kind === 'fails' ? rehearsal.faults[0]!.reason : '';
  report.left.set(reason, (report.left.get(reason) ?? 0) + 1);
  if (report.examples.length < SHOWN) report.examples.push({ id: idOf(letter), rehearsal });
}

/** Gives letters to the engine, and then says so in the table. */
async function hand(ready: readonly Ready[], report: RetryReport, { config, write, now }: RetryOptions): Promise<void> {
  if (write === undefined) return;
  const messages = ready.map(({ letter: { at, topic, payload }, connection }) => {
    const delivery = { qos: 1, retain: false, dup: false, packetId: 0 } as const;
    return { kind: 'message', at, connection, topic, payload, ...delivery } as const;
  });
  const head = { at: now(), config: fingerprint(config), brokers: config.mqtt.map(({ name }) => name) };
  report.files.push(await writeRedrive(config.data, { ...head, messages }, report.files.length, write.owner));
  try {
    await mark(ready, write.sink, now());
  } catch (error) {
    report.unmarked = (error as Error).message;
  }
}

/** Puts the rows in the place of those that are there: of equal ones, the table keeps the last. */
async function mark(ready: readonly Ready[], sink: TableSink, retriedAt: number): Promise<void> {
  const encoder = createRowEncoder(DEAD_LETTERS);
  for (const { letter } of ready) {
    for (const { id, receivedAt, stream, reason, detail, hasPayload } of letter.faults) {
      const { at, topic, payload, offset } = letter;
      const kept = hasPayload ? payload : '';
      encoder.encodeRow([at, receivedAt, stream, topic, reason, detail, kept, offset, id, retriedAt], offset);
    }
  }
  // A token of its own, so that the server never takes it for a repetition.
  await sink.insert(cut({ table: DEAD_LETTERS, encoder, openedAt: 0 }), `retry:${randomUUID()}`);
}
