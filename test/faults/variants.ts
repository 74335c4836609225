import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** A change to a compiled file: the text that must stand there exactly once, and what takes its place. */
export interface Change {
  readonly file: string;
  readonly find: string;
  readonly replace: string;
}

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** Checkpoints often, so that short runs have some. */
export const OFTEN: Change = {
  file: 'engine/runtime/service.js',
  find: 'const CHECKPOINT_MS = 10_000;',
  replace: 'const CHECKPOINT_MS = 1_000;',
};

/** True when a place is passed for the `times`-th time. */
export const once = (times: number) => `(globalThis.passed = (globalThis.passed ?? 0) + 1) === ${times}`;

/** Ends the process there as `kill -9` does. */
const dies = (times: number) => `if (${once(times)}) process.kill(process.pid, 'SIGKILL');`;

const SYNC = 'await this.#file.datasync();';
const HAND_OVER = 'this.#handOver(group);';
const INSERT = 'await sink.insert(batch, token);';
const PUBLISH = 'await sink.publish(event);';
const CUT = 'checkpointer.onCut(record.offset);';
const KEEP = 'await renameIfThere(join(folder, NAME), join(folder, BEFORE));';
const RENAME = 'await rename(aside, join(folder, NAME));';

/** The places of the protocol at which the engine dies, in the order of a reading's way. */
export const DEATHS = {
  'before-write': {
    file: 'engine/journal/journal.js',
    find: 'const group = this.#group;\n        this.#group = this.#beginGroup();',
    // Not at once: an acknowledgement that is sent too early shall get through.
    replace: `if ((globalThis.passed = (globalThis.passed ?? 0) + 1) >= 15) {
      setTimeout(() => process.kill(process.pid, 'SIGKILL'), 20);
      return;
    }
    const group = this.#group; this.#group = this.#beginGroup();`,
  },
  'before-sync': { file: 'engine/journal/journal.js', find: SYNC, replace: `${dies(15)} ${SYNC}` },
  'after-sync': { file: 'engine/journal/journal.js', find: SYNC, replace: `${SYNC} ${dies(15)}` },
  'after-ack': { file: 'engine/journal/journal.js', find: HAND_OVER, replace: `${dies(15)} ${HAND_OVER}` },
  cut: { file: 'engine/runtime/checkpointing.js', find: CUT, replace: `${dies(2)} ${CUT}` },
  'insert-sent': {
    file: 'engine/runtime/insert.js',
    find: INSERT,
    replace: `const answer = sink.insert(batch, token); await new Promise((resolve) => setTimeout(resolve, 4)); ${dies(4)} await answer;`,
  },
  'insert-answered': { file: 'engine/runtime/insert.js', find: INSERT, replace: `${INSERT} ${dies(4)}` },
  'publish-sent': {
    file: 'engine/runtime/event-delivery.js',
    find: PUBLISH,
    replace: `const answer = sink.publish(event); await new Promise((resolve) => setTimeout(resolve, 1)); ${dies(60)} await answer;`,
  },
  'publish-answered': { file: 'engine/runtime/event-delivery.js', find: PUBLISH, replace: `${PUBLISH} ${dies(60)}` },
  'checkpoint-written': { file: 'engine/journal/checkpoint.js', find: KEEP, replace: `${dies(2)} ${KEEP}` },
  'checkpoint-between': { file: 'engine/journal/checkpoint.js', find: RENAME, replace: `${dies(2)} ${RENAME}` },
  'checkpoint-renamed': { file: 'engine/journal/checkpoint.js', find: RENAME, replace: `${RENAME} ${dies(2)}` },
} satisfies Record<string, Change>;

/** Mistakes that somebody might make, one a step of the protocol; each must be caught by a scenario. */
export const MISTAKES = {
  'acknowledged before the sync': {
    file: 'engine/journal/journal.js',
    find: 'group.durable.push(durable);',
    replace: 'durable();',
  },
  'token left out': {
    file: 'engine/runtime/insert.js',
    find: INSERT,
    replace: 'await sink.insert(batch, String(Math.random()));',
  },
  'outbox skipped': {
    file: 'engine/runtime/event-delivery.js',
    find: PUBLISH,
    replace: 'sink.publish(event).catch(() => undefined);',
  },
  'checkpoint before the confirmation': {
    file: 'engine/runtime/checkpointing.js',
    find: 'areConfirmed: (positions) => outboxes.every(',
    replace: 'areConfirmed: (positions) => true || outboxes.every(',
  },
  'redelivery taken for new': {
    file: 'engine/decode/redelivery.js',
    find: 'if (dup) {',
    replace: 'if (false) {',
  },
  'redelivery forgotten too soon': {
    file: 'engine/decode/redelivery.js',
    find: 'if (deliveries.taken - number < OLD)',
    replace: 'if (deliveries.taken - number >= 300) return true; else',
  },
  'overlapping topics subscribed to': {
    file: 'connectors/mqtt/subscriptions.js',
    find: 'mergeOverlapping(options.broker.subscriptions)',
    replace: 'options.broker.subscriptions.map((each) => ({ ...each, of: [] }))',
  },
  'removed topics left subscribed': {
    file: 'connectors/mqtt/subscriptions.js',
    find: 'if (gone.length === 0)',
    replace: 'if (true)',
  },
  'refused row dropped': {
    file: 'engine/runtime/table-delivery.js',
    find: 'await insertBatch(letter, { sink, journalId: journal.id, onDeadRow });',
    replace: '',
  },
  'closed alert left open': {
    file: 'connectors/nats/nats.js',
    find: 'await bucket.delete(event.kv.key);',
    replace: '{}',
  },
  'damage ends the journal': {
    file: 'engine/journal/segment.js',
    find: 'const goOn = await findRecord(file, position, nextOffset);',
    replace: 'const goOn = undefined;',
  },
  'windows left out of the checkpoint': {
    file: 'engine/state/snapshot.js',
    find: 'windows[rule.name] = window;',
    replace: ';',
  },
  'earlier inserts forgotten': {
    file: 'engine/runtime/parts.js',
    find: 'earlier: sent.earlier,',
    replace: 'earlier: [],',
  },
  'view of the rollup altered': {
    file: 'connectors/clickhouse/tables.js',
    find: 'if (liveView?.comment !== stampOf(view.query)) {',
    replace:
      "if (liveFeed === undefined) await session.run('alter', 'ALTER TABLE ' + feedName + ' MODIFY QUERY ' + feed.query);" +
      'if (liveView?.comment !== stampOf(view.query)) {',
  },
  'batch given up': {
    file: 'engine/runtime/insert.js',
    find: "if (error.class !== 'bad-row' && !easier)\n            throw error;",
    replace: "if (error.class !== 'bad-row' && !easier) return;",
  },
} satisfies Record<string, Change>;

/** The compiled engine with changes, in a folder of its own; throws where a change does not fit the code any more. */
export function makeVariant(changes: readonly Change[]): { readonly cli: string; remove(): void } {
  const folder = mkdtempSync(join(tmpdir(), 'weir-variant-'));
  cpSync(join(ROOT, 'dist'), join(folder, 'dist'), { recursive: true });
  cpSync(join(ROOT, 'package.json'), join(folder, 'package.json'));
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
  for (const { file, find, replace } of changes) {
    const path = join(folder, 'dist', file);
    const text = readFileSync(path, 'utf8');
    const parts = text.split(find);
    if (parts.length !== 2) throw new Error(`${file} has ${parts.length - 1} times: ${find}`);
    writeFileSync(path, parts.join(replace));
  }
  return { cli: join(folder, 'dist/engine/cli.js'), remove: () => rmSync(folder, { recursive: true, force: true }) };
}
