import { expect, it } from 'vitest';
import { createWanted } from '../../connectors/mqtt/wanted.ts';

it.each<[string, boolean]>([
  ['a/b', true],
  ['a/b/x', true],
  // Only the merged filter matches.
  ['a/c/y', false],
  // Only a removed filter matches.
  ['old', false],
  ['old/x', false],
  ['shared/x', true],
  // No known filter matches: the engine must report it.
  ['elsewhere', true],
])('a message on %s is wanted: %s', (topic, expected) => {
  const wanted = ['a/+/x', 'a/b/#', '$share/g/shared/#'];
  const isWanted = createWanted(wanted, [...wanted, 'a/+/#', 'old/#', '$share/g/old/x']);
  for (const _ of ['first', 'again']) expect(isWanted(topic)).toBe(expected);
});

it('answers for more topics than it caches', () => {
  const isWanted = createWanted(['a/+'], ['a/+', 'b/+']);
  for (let i = 0; i < 50_010; i++) expect(isWanted(i % 2 === 0 ? `a/${i}` : `b/${i}`)).toBe(i % 2 === 0);
});
