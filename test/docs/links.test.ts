import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { anchorsOf, PAGES, proseOf, ROOT, readPage } from './pages.ts';

/** The targets of all links of a page: `[text](target)`, images, and references `[name]: target`. */
function linksOf(page: string): string[] {
  const prose = proseOf(page).replaceAll(/`[^`\n]*`/g, '');
  const inline = prose.matchAll(/\]\(<?([^)\s>]+)>?(?: "[^"]*")?\)/g);
  const named = prose.matchAll(/^\[[^\]]+\]: <?(\S+?)>?$/gm);
  return [...inline, ...named].map((match) => match[1]!);
}

/** The broken links of a page: the file, folder or heading does not exist. */
function brokenLinks(path: string, page: string): string[] {
  return linksOf(page).filter((link) => {
    if (/^[a-z]+:/.test(link)) return false;
    const [file, anchor] = link.split('#') as [string, string | undefined];
    if (file === '') return !anchorsOf(page).includes(anchor!);
    const target = join(dirname(path), file);
    if (!existsSync(join(ROOT, target))) return true;
    return anchor !== undefined && !anchorsOf(readPage(target)).includes(anchor);
  });
}

test.each(PAGES)('every relative link and anchor of %s exists', (path) => {
  expect(brokenLinks(path, readPage(path))).toEqual([]);
});

test('all pages are checked', () => {
  expect(PAGES).toEqual(
    expect.arrayContaining(['README.md', 'rules/README.md', 'deploy/README.md', 'connectors/nats/README.md']),
  );
  expect(PAGES.flatMap((path) => linksOf(readPage(path))).length).toBeGreaterThan(200);
});

describe('a broken link is found', () => {
  const page = '# Title\n\n## Twice\n\n## Twice\n\n';

  test.each([
    ['of a file', '[a](missing.md)', ['missing.md']],
    ['of a folder', '[a](../missing/)', ['../missing/']],
    ['of an image', '![a](missing.png)', ['missing.png']],
    ['of an anchor on another page', '[a](README.md#missing)', ['README.md#missing']],
    ['of an anchor on the same page', '[a](#missing)', ['#missing']],
    ['of a heading that is there only twice', '[a](#twice) [b](#twice-1) [c](#twice-2)', ['#twice-2']],
    ['by reference', '[a][b]\n\n[b]: missing.md', ['missing.md']],
  ])('%s', (_, link, broken) => {
    expect(brokenLinks('rules/page.md', page + link)).toEqual(broken);
  });

  test('a valid link, an address and an example in code are not', () => {
    const sound =
      '[a](../README.md) [b](README.md#your-first-rule) [c](https://example.com/x#y) [d](#title) `[e](no.md)`';
    expect(brokenLinks('rules/page.md', page + sound)).toEqual([]);
  });
});
