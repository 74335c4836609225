import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const CLI = fileURLToPath(new URL('../../dist/engine/cli.js', import.meta.url));

test.each([
  [['simulat'], 'there is no command "simulat". Did you mean simulate? Commands: run, demo, '],
  [['zzz'], 'there is no command "zzz". Commands: run, demo, '],
  [['run', '--confg', 'weir.json'], "Unknown option '--confg'"],
  [['run', '--confg', 'weir.json'], 'Did you mean --config?'],
  [['deadletters', 'list', '--limt', '5'], 'Did you mean --limit?'],
  [['check', 'stray'], 'weir check --help'],
])('%j is refused, with a suggestion', (args, expected) => {
  const { status, stderr } = spawnSync(process.execPath, [CLI, ...args], { encoding: 'utf8' });
  expect(stderr).toContain(expected);
  expect(status).toBe(2);
});

test('an option that is similar to no other gets no suggestion', () => {
  const { stderr } = spawnSync(process.execPath, [CLI, 'run', '--zzz'], { encoding: 'utf8' });
  expect(stderr).toContain("Unknown option '--zzz'");
  expect(stderr).not.toContain('Did you mean');
});
