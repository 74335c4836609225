import { cpSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** A change to a compiled file: the text that must be in it exactly once, and what takes its place. */
export interface Mutation {
  readonly file: string;
  readonly find: string;
  readonly replace: string;
}

/**
 * Mistakes inside of a computation, where no edge of the engine is: what they make wrong is seen from outside much later, and then it is no
 * longer known what was right. So they are changes to the code, and a change of that code must change them too. A mistake that can be made at
 * an edge belongs in `mistakes.ts`.
 */
export const MUTATIONS = {
  // The deduplication of redelivered messages is a pure function of the journal.
  'redelivery forgotten too soon': {
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
  'windows left out of the checkpoint': {
    file: 'engine/state/snapshot.js',
    find: 'windows[rule.name] = window;',
    replace: ';',
  },
} satisfies Readonly<Record<string, Mutation>>;

/**
 * Copies the compiled engine, mutated, to a folder in `scratch`, which must have `package.json` and `node_modules`; returns the folder. Throws
 * where a mutation does not fit the code any more.
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
