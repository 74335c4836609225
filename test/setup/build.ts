import { execFileSync } from 'node:child_process';
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const SOURCES = ['engine', 'connectors', 'tsconfig.json', 'tsconfig.build.json'];
const PRODUCT = join(ROOT, 'dist/engine/cli.js');

/** Vitest's global setup: builds `dist/` once per run if a source is newer, so that tests can start the engine in the same way as users. */
export default function setup(): void {
  if (isFresh()) return;
  execFileSync(process.execPath, [join(ROOT, 'node_modules/typescript/bin/tsc'), '-p', 'tsconfig.build.json'], {
    cwd: ROOT,
    stdio: 'inherit',
  });
}

function isFresh(): boolean {
  const builtAt = changedAt(PRODUCT);
  return builtAt !== undefined && SOURCES.every((source) => newest(join(ROOT, source)) <= builtAt);
}

function newest(path: string): number {
  const own = changedAt(path) ?? 0;
  if (!statSync(path).isDirectory()) return own;
  return readdirSync(path).reduce((latest, name) => Math.max(latest, newest(join(path, name))), own);
}

function changedAt(path: string): number | undefined {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs;
}
