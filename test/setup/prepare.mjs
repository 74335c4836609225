// npm runs this after `npm ci` in a checkout. It builds dist/, so that `npx weir` works at once.
// A production install has no compiler, and its package contains dist/.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));
if (existsSync(`${root}node_modules/typescript`)) {
  const build = spawnSync('npm', ['run', '--silent', 'build'], { cwd: root, stdio: 'inherit' });
  process.exitCode = build.status ?? 1;
} else if (!existsSync(`${root}dist/engine/cli.js`)) {
  console.error('weir: dist/ is missing and TypeScript is not installed: run `npm ci` with dev dependencies once.');
  process.exitCode = 1;
}
