import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { inspect } from '../architecture.ts';
import { codeSpans, ROOT, readPage, sectionOf } from './pages.ts';

/** The rooms of the engine with their floors, from the page. */
const rooms = sectionOf(readPage('engine/README.md'), 'The house')
  .split('\n')
  .flatMap((line) => {
    const [, floor, names] = /^\| (\d+) +\| ([^|]+) \|/.exec(line) ?? [];
    return codeSpans(names ?? '').map((name) => ({ name: name.replace(/\/$/, ''), floor: Number(floor) }));
  });

test('the page names every room of the engine, and no other', () => {
  const real = readdirSync(join(ROOT, 'engine')).filter((name) => !name.endsWith('.md'));
  expect(rooms.map(({ name }) => name).sort()).toEqual(real.sort());
});

/** Whether the architecture test allows a file of one room to import a file of another. */
function isLetThrough(from: string, to: string): boolean {
  const isFile = (name: string) => name.endsWith('.ts');
  const path = isFile(from) ? `engine/${from}` : `engine/${from}/a.ts`;
  const target = `${isFile(from) ? './' : '../'}${isFile(to) ? to : `${to}/b.ts`}`;
  return inspect(new Map([[path, `import { b } from '${target}';`]])).breaches.length === 0;
}

test('the page and the architecture test allow the same imports', () => {
  const pairs = rooms.flatMap((from) => rooms.filter((to) => to !== from).map((to) => ({ from, to })));
  const wrong = pairs.filter(({ from, to }) => {
    return isLetThrough(from.name, to.name) !== to.floor < from.floor;
  });
  expect(pairs.length).toBeGreaterThan(300);
  expect(wrong.map(({ from, to }) => `${from.name} → ${to.name}`)).toEqual([]);
});
