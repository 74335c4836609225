import { expect, it } from 'vitest';
import { createWanted } from '../../connectors/mqtt/wanted.ts';

it.each<[string, boolean]>([
  ['a/b', true],
  ['a/b/x', true],
  // By the merged filter alone.
  ['a/c/y', false],
  // By one that was removed.
  ['old', false],
  ['old/x', false],
  ['shared/x', true],
  // Nobody is known to have asked for it: it is for the engine to say so.
  ['elsewhere', true],
])('a message on %s is wanted: %s', (topic, expected) => {
  const wanted = ['a/+/x', 'a/b/#', '$share/g/shared/#'];
  const isWanted = createWanted(wanted, [...wanted, 'a/+/#', 'old/#', '$share/g/old/x']);
  for (const _ of ['first', 'again']) expect(isWanted(topic)).toBe(expected);
});

it('answers for more topics than it remembers', () => {
  const isWanted = createWanted(['a/+'], ['a/+', 'b/+']);
  for (let i = 0; i < 50_010; i++) expect(isWanted(i % 2 === 0 ? `a/${i}` : `b/${i}`)).toBe(i % 2 === 0);
});
