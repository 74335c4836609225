import { readdirSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { blocksOf, PAGES, proseOf, ROOT, readPage } from './pages.ts';

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

/** Folders whose comments and texts are in plain words, with all folders below them. */
const ROOMS = [
  'connectors',
  'engine',
  ...[
    'aggregates',
    'alerts',
    'bench',
    'connectors',
    'decode',
    'delivery',
    'deploy',
    'detectors',
    'devices',
    'faults',
  ].map((name) => `test/${name}`),
  ...['integration', 'model', 'operators', 'pipeline', 'rules', 'setup', 'simulator', 'windows'].map(
    (name) => `test/${name}`,
  ),
];

const SOURCES = ROOMS.flatMap((room) =>
  readdirSync(`${ROOT}/${room}`, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.ts'))
    .map((path) => `${room}/${path}`),
).sort();

/** Cases of the rule language, with what each says about itself. */
const CASES = readdirSync(`${ROOT}/test/language`)
  .filter((name) => name.endsWith('.json') && !name.endsWith('.schema.json'))
  .map((name) => `test/language/${name}`);

function aboutsOf(cases: string): string {
  return Array.from(cases.matchAll(/"about": "((?:[^"\\]|\\.)*)"/g), ([, about]) => about).join('\n');
}

/** What people read in a source file: its comments and texts, without the code in them. A text of one word is a name. */
function wordsOf(source: string): string {
  const pieces = source.matchAll(
    /\/\*[\s\S]*?\*\/|\/\/.*|'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|`(?:\\[\s\S]|[^`\\])*`/g,
  );
  return Array.from(pieces, ([piece]) =>
    piece.startsWith('/')
      ? piece.replaceAll(/`[^`\n]*`|^ *\*/gm, ' ')
      : piece.replaceAll(/\$\{[^{}]*\}|\\`[^`]*`|^.[\w.-]*.$/g, ' '),
  ).join('\n');
}

/** Each banned turn of a page, with the plain words for it. */
function bannedIn(page: string): string[] {
  return bannedAmong(readText(page));
}

function bannedAmong(words: string): string[] {
  const text = words.replaceAll(/\s+/g, ' ');
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

test.each(SOURCES)('%s uses plain words', (path) => {
  expect(bannedAmong(wordsOf(readPage(path)))).toEqual([]);
});

test.each(CASES)('%s uses plain words', (path) => {
  expect(bannedAmong(aboutsOf(readPage(path)))).toEqual([]);
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

  test.each([
    ['in a comment', '// It is told.\nf();'],
    ['across the lines of a comment', '/**\n * What becomes\n * of it.\n */'],
    ['in a text', "const message = 'It stands there.';"],
    // biome-ignore lint/suspicious/noTemplateCurlyInString: a template of the source.
    ['in a text with values', 'const message = `The ${name.of(it)} is judged.`;'],
  ])('%s of a source', (_, source) => expect(bannedAmong(wordsOf(source))).toHaveLength(1));

  test('and not in the code of a source', () => {
    // biome-ignore lint/suspicious/noTemplateCurlyInString: a template of the source.
    expect(bannedAmong(wordsOf("// Sets `told`.\nconst told = judge(x, 'it', `${told}`);"))).toEqual([]);
  });

  test('and not in code, or as a part of another word', () => {
    expect(bannedIn('A standard `told` understands [it](stands.md).\n\n```js\ntold();\n```\n')).toEqual([]);
  });
});
