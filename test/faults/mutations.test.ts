import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { MUTATIONS } from './mutations.ts';

const COMPILED = fileURLToPath(new URL('../../dist', import.meta.url));

// Only `npm run faults -- --mistakes` uses the mutations, so this test detects earlier that the code has changed.
it.each(Object.entries(MUTATIONS))('%s: the text to replace is in the compiled engine once', (_, { file, find }) => {
  expect(readFileSync(`${COMPILED}/${file}`, 'utf8').split(find)).toHaveLength(2);
});
