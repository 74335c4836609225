import { describe, expect, test } from 'vitest';
import { blocksOf, PAGES, proseOf, readPage } from './pages.ts';

/** Private or old-fashioned expressions, each with plain words for it. */
const BANNED: readonly (readonly [pattern: RegExp, instead: string])[] = [
  [/\b(?:told|tells?|telling)\b/i, 'publish, log, report, say, count'],
  [/\b(?:stands?|stood|standing)\b/i, 'is in, is stored in, remains'],
  [/\banew\b/i, 'again, from the start'],
  [/\bhand(?:s|ed|ing)? (?:on|over)\b/i, 'pass, forward'],
  [/\b(?:becomes?|became|becoming) of\b/i, 'how it is handled, what happens to it'],
  [/\b(?:comes?|came|coming) to\b/i, 'is, results in'],
  [/\bverdicts?\b/i, 'result, evaluation'],
  [/\bjudg(?:e|es|ed|ing|e?ments?)\b/i, 'evaluate'],
  [/\b(?:take|takes|took|taken|taking) (?:it |them |nothing )?in\b/i, 'accept, receive'],
  [/\b(?:go|goes|went|going) (?:by|on)\b/i, 'use; continue'],
  [/\bwork(?:s|ed|ing)? off\b/i, 'process'],
  [/\bgiv(?:e|es|en|ing) up\b|\bgave up\b/i, 'drop, stop'],
  [/\b(?:in|out of) want of\b|\bfor want of\b/i, 'without'],
  [/\bmend(?:s|ed|ing)?\b/i, 'correct, repair'],
  [/\brepetitions?\b/i, 'duplicate; re-notification'],
  [
    /\b(?:calm|orphans?|outlets?|hurried|farewell|goodbye|lest|thereof|whereof|for ever)\b/i,
    'the word of the glossary',
  ],
];

/** Pages for users of Weir, and for authors of cases of the rule language. */
const USED = PAGES.filter((path) => /^(?:README|(?:rules|deploy|connectors|test)\/.*)\.md$/.test(path));

/** The text of a page: its prose without code, and the descriptions, messages and comments in its examples. */
function readText(page: string): string {
  const texts = blocksOf(page).flatMap(({ text }) =>
    Array.from(text.matchAll(/"(?:description|about|message)": "((?:[^"\\]|\\.)*)"|^-- (.*)$/gm), (m) => m[1] ?? m[2]!),
  );
  return [proseOf(page).replaceAll(/`[^`\n]*`|\]\([^)]*\)/g, ' '), ...texts].join('\n');
}

/** The banned expressions of a page, each with plain words for it. */
function bannedIn(page: string): string[] {
  const text = readText(page).replaceAll(/\s+/g, ' ');
  return BANNED.flatMap(([pattern, instead]) =>
    Array.from(
      text.matchAll(new RegExp(`.{0,40}${pattern.source}.{0,20}`, 'gi')),
      ([found]) => `${found} → ${instead}`,
    ),
  );
}

test.each(USED)('%s uses plain words', (path) => {
  expect(bannedIn(readPage(path))).toEqual([]);
});

test('all pages of users are checked', () => expect(USED.length).toBeGreaterThanOrEqual(13));

describe('a banned word is found', () => {
  test.each([
    ['in prose', 'Nobody is told.'],
    ['across lines', 'What\nbecomes\nof it.'],
    ['in a table', '| a | It stands there. |'],
    ['in the description of an example', '```json\n{ "description": "It is judged." }\n```\n'],
    ['in a comment of a query', '```sql\n-- Begins anew\nSELECT 1\n```\n'],
  ])('%s', (_, page) => expect(bannedIn(page)).toHaveLength(1));

  test('and not in code, or as a part of another word', () => {
    expect(bannedIn('A standard `told` understands [it](stands.md).\n\n```js\ntold();\n```\n')).toEqual([]);
  });
});
