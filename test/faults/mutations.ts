import { cpSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** A change to a compiled file: a text that must be in it exactly once, and its replacement. */
export interface Mutation {
  readonly file: string;
  readonly find: string;
  readonly replace: string;
}

/**
 * Mistakes inside a computation, away from the edges of the engine. Their effects are visible outside much later, when the correct value is
 * no longer known, so they are changes to the code. If that code changes, they must change too. A mistake that can be made at an edge
 * belongs in `mistakes.ts`.
 */
export const MUTATIONS = {
  // The deduplication of redelivered messages is a pure function of the journal.
  'redelivery forgotten too early': {
    file: 'engine/decode/redelivery.js',
    find: 'if (deliveries.taken - number < OLD)',
    replace: 'if (deliveries.taken - number >= 300) return true; else',
  },
  // The connector merges filters before it talks to a broker.
  'overlapping topics subscribed to': {
    file: 'connectors/mqtt/subscriptions.js',
    find: 'mergeOverlapping(options.broker.subscriptions)',
    replace: 'options.broker.subscriptions.map((each) => ({ ...each, of: [] }))',
  },
  // The reader of segments decides where a journal ends.
  'damage ends the journal': {
    file: 'engine/journal/segment.js',
    find: 'const resumeAt = await findSoundRecord(file, position, nextOffset);',
    replace: 'const resumeAt = undefined;',
  },
  // A checkpoint reaches the disk as bytes with a checksum.
  'windows missing in the checkpoint': {
    file: 'engine/state/key-snapshot.js',
    find: 'writeState(writer, index, WINDOW, key.windows[slot]);',
    replace: '',
  },
  // A section of a checkpoint has only the parts that were marked as changed.
  'changed keys not marked': {
    file: 'engine/state/stream.js',
    find: 'changedKeys: createChanges(',
    replace: 'changedKeys: ((...options) => ({ ...createChanges(...options), touch: () => undefined }))(',
  },
} satisfies Readonly<Record<string, Mutation>>;

/**
 * Copies the compiled engine to a folder in `scratch`, which must have `package.json` and `node_modules`, and applies the mutations. Returns
 * the folder. Throws if the text of a mutation is not in the code exactly once.
 */
export function copyWith(mutations: readonly Mutation[], root: string, scratch: string): string {
  const folder = mkdtempSync(join(scratch, 'mutated-'));
  cpSync(join(root, 'dist'), folder, { recursive: true });
  for (const { file, find, replace } of mutations) {
    const path = join(folder, file);
    const text = readFileSync(path, 'utf8');
    const parts = text.split(find);
    if (parts.length !== 2) throw new Error(`${file} has ${parts.length - 1} times: ${find}`);
    writeFileSync(path, parts.join(replace));
  }
  return folder;
}
