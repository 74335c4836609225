import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { MUTATIONS } from './mutations.ts';

const COMPILED = fileURLToPath(new URL('../../dist', import.meta.url));

// They are played by `npm run faults -- --mistakes` only: a change of the code must show before that.
it.each(Object.entries(MUTATIONS))('%s: the mutation fits the compiled engine', (_, { file, find }) => {
  expect(readFileSync(`${COMPILED}/${file}`, 'utf8').split(find)).toHaveLength(2);
});
