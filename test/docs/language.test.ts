import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { blocksOf, PAGES, proseOf, readPage } from './pages.ts';

/** Private or old-fashioned turns, each with the plain words for it. */
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

/** Pages of those who use Weir, and of those who write cases of the rule language. */
const USED = PAGES.filter((path) => /^(?:README|(?:rules|deploy|connectors|test)\/.*)\.md$/.test(path));

/** What people read on a page: its prose without code, and the texts in its examples that are written for people. */
function readText(page: string): string {
  const texts = blocksOf(page).flatMap(({ text }) =>
    Array.from(text.matchAll(/"(?:description|about|message)": "((?:[^"\\]|\\.)*)"|^-- (.*)$/gm), (m) => m[1] ?? m[2]!),
  );
  return [proseOf(page).replaceAll(/`[^`\n]*`|\]\([^)]*\)/g, ' '), ...texts].join('\n');
}

/** Each banned turn of a page, with the plain words for it. */
function bannedIn(page: string): string[] {
  return bannedInText(readText(page));
}

function bannedInText(prose: string): string[] {
  const text = prose.replaceAll(/\s+/g, ' ');
  return BANNED.flatMap(([pattern, instead]) =>
    Array.from(text.matchAll(new RegExp(pattern, 'gi')), ({ 0: found, index }) => {
      return `${text.slice(Math.max(0, index - 40), index + found.length + 20)} → ${instead}`;
    }),
  );
}

test.each(USED)('%s uses plain words', (path) => {
  expect(bannedIn(readPage(path))).toEqual([]);
});

test('all pages of users are looked at', () => expect(USED.length).toBeGreaterThanOrEqual(13));

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

/** Folders of code whose comments and texts use plain words. */
const ROOMS: readonly string[] = [
  'engine/aggregates',
  'engine/alerts',
  'engine/decode',
  'engine/delivery',
  'engine/detectors',
  'engine/devices',
  'engine/model',
  'engine/windows',
  'test/aggregates',
  'test/alerts',
  'test/decode',
  'test/delivery',
  'test/detectors',
  'test/devices',
  'test/model',
  'test/windows',
];

const root = new URL('../../', import.meta.url);
const COMMENT_OR_TEXT = /\/\*[\s\S]*?\*\/|\/\/[^\n]*|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`/g;

/** What people read in a file of TypeScript: comments without code, and texts of several words without their expressions. */
function readComments(code: string): string {
  return Array.from(code.matchAll(COMMENT_OR_TEXT), ([part]) => {
    if (part.startsWith('/')) return part.replaceAll(/`[^`]*`|^\s*\*/gm, ' ');
    return part.includes(' ') ? part.slice(1, -1).replaceAll(/\$\{[^}]*\}/g, ' ') : '';
  }).join('\n');
}

/** The files of TypeScript in a folder and the folders in it. */
function filesOf(room: string): string[] {
  const names = readdirSync(new URL(`${room}/`, root), { recursive: true, encoding: 'utf8' });
  return names.filter((name) => name.endsWith('.ts')).map((name) => `${room}/${name}`);
}

test.each(ROOMS)('the code of %s uses plain words', (room) => {
  const found = filesOf(room).flatMap((path) =>
    bannedInText(readComments(readFileSync(new URL(path, root), 'utf8'))).map((each) => `${path}: ${each}`),
  );
  expect(found).toEqual([]);
});

test('a banned word is found in a comment or text, and not in code', () => {
  const code = `/** It is \`told\`. */
    const told = 'told'; // Stands here.
    log('It was judged');
    log(\`Now \${told} comes to\`);`;
  expect(bannedInText(readComments(code))).toHaveLength(3);
});
