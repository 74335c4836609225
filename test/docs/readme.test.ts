import { expect, test } from 'vitest';
import { readPage } from './pages.ts';

test.each([
  ['README.md', 150],
  ['rules/README.md', 450],
])('%s has at most %i lines', (path, most) => {
  expect(readPage(path).trimEnd().split('\n').length).toBeLessThanOrEqual(most);
});

test('every page that the README links to is in the package', () => {
  const { files } = JSON.parse(readPage('package.json')) as { files: string[] };
  const isShipped = (path: string) =>
    path === 'README.md' || path === 'LICENSE' || files.some((entry) => path === entry || path.startsWith(`${entry}/`));
  const links = Array.from(readPage('README.md').matchAll(/\]\(([^)#:]+)\)/g), (match) => match[1]!);
  // These pages are for contributors, who have a checkout.
  const wanted = links.filter((path) => !['CONTRIBUTING.md', 'engine/README.md'].includes(path));
  expect(wanted.length).toBeGreaterThan(10);
  expect(wanted.filter((path) => !isShipped(path.replace(/\/$/, '')))).toEqual([]);
});
