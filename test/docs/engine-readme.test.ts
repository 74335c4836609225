import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { expect, test } from 'vitest';
import { codeSpans, ROOT, readPage, sectionOf } from './pages.ts';

/** Floor by room, as the page has it. A room is the first part of a path below `engine/`. */
const floors = new Map(
  sectionOf(readPage('engine/README.md'), 'The house')
    .split('\n')
    .flatMap((line) => {
      const [, floor, rooms] = /^\| (\d) +\| ([^|]+) \|/.exec(line) ?? [];
      return codeSpans(rooms ?? '').map((room) => [room.replace(/\/$/, ''), Number(floor)] as const);
    }),
);

interface Import {
  readonly from: string;
  readonly to: string;
}

/** The relative imports of a file, both ends named from the root of the repository. */
function importsOf(file: string, source: string): Import[] {
  const found = source.matchAll(/(?:from|import|import\()\s*'(\.[^']+)'/g);
  return Array.from(found, (match) => ({ from: file, to: normalize(join(dirname(file), match[1]!)) }));
}

function filesBelow(folder: string): string[] {
  const names = readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' });
  return names.filter((name) => name.endsWith('.ts')).map((name) => join(folder, name));
}

const roomOf = (path: string): string => path.split('/')[1]!;
const OPEN_FLOORS = [1, 3];

/** Why an import must not be; undefined where it may. */
function faultOf({ from, to }: Import): string | undefined {
  const named = `${from} imports ${to}`;
  if (from.startsWith('connectors/')) {
    const foreign = to.startsWith('connectors/') && roomOf(to) !== roomOf(from);
    return foreign ? `${named}: connectors do not import each other` : undefined;
  }
  if (!to.startsWith('engine/')) return roomOf(from) === 'commands' ? undefined : `${named}: only commands may`;
  const [own, other] = [floors.get(roomOf(from)) ?? Number.NaN, floors.get(roomOf(to)) ?? Number.NaN];
  const allowed = roomOf(from) === roomOf(to) || other < own || (other === own && OPEN_FLOORS.includes(own));
  return allowed ? undefined : `${named}: from floor ${own} to floor ${other}`;
}

const files = [...filesBelow('engine'), ...filesBelow('connectors')];
const sources = new Map(files.map((file) => [file, readFileSync(join(ROOT, file), 'utf8')]));
const imports = files.flatMap((file) => importsOf(file, sources.get(file)!));

test('the page names every room of the engine, and no other', () => {
  expect([...floors.keys()].sort()).toEqual([...new Set(filesBelow('engine').map(roomOf))].sort());
});

test('no import goes upward or sideways', () => {
  expect(imports.length).toBeGreaterThan(500);
  expect(imports.flatMap((each) => faultOf(each) ?? [])).toEqual([]);
});

test('floors 1 to 3 have no clock, no randomness, no files and no RxJS', () => {
  const impure =
    /\b(?:Date\.now\(|Math\.random\(|performance\.|process\.|setTimeout\()|'(?:rxjs|node:(?:fs|net|timers)[^']*)'/;
  const pure = files.filter((file) => file.startsWith('engine/') && floors.get(roomOf(file))! <= 3);
  expect(pure.length).toBeGreaterThan(80);
  // Comments may speak of what the code must not do.
  const code = (file: string) => sources.get(file)!.replaceAll(/\/\*.*?\*\/|\/\/.*$/gms, '');
  expect(pure.filter((file) => impure.test(code(file)))).toEqual([]);
});

test.each([
  ['engine/windows/panes.ts', "import { lift } from '../operators/lift.ts';"],
  ['engine/windows/panes.ts', "import type { LiveClock } from '../devices/liveness.ts';"],
  ['engine/operators/batch.ts', "export { openJournal } from '../journal/journal.ts';"],
  ['engine/operators/batch.ts', "import '../../connectors/nats/nats.ts';"],
  ['connectors/nats/nats.ts', "import { createMqttSource } from '../mqtt/mqtt.ts';"],
])('a forbidden import in %s would be found: %s', (file, source) => {
  expect(importsOf(file, source).map(faultOf)).toEqual([expect.any(String)]);
});
