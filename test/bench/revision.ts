import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** Another version of this repository, built. */
export interface Revision {
  /** Its `dist` folder. */
  readonly dist: string;
  remove(): void;
}

/**
 * Checks a git revision out into a temporary worktree, and builds it with the installed packages of this tree. Throws if there is no such
 * revision, or if it does not compile. A signal that ends this process removes the worktree first.
 */
export function buildRevision(name: string): Revision {
  const commit = commitOf(name);
  const folder = mkdtempSync(join(tmpdir(), 'weir-bench-'));
  const tree = join(folder, 'tree');
  const modules = join(tree, 'node_modules');
  const remove = (): void => {
    process.off('SIGINT', end).off('SIGTERM', end);
    // First, so that nothing follows it into the packages of this tree.
    rmSync(modules, { force: true });
    rmSync(folder, { recursive: true, force: true });
    git('worktree', 'prune');
  };
  const end = (): void => {
    remove();
    process.exit(1);
  };
  process.once('SIGINT', end).once('SIGTERM', end);
  try {
    git('worktree', 'add', '--detach', tree, commit);
    symlinkSync(join(ROOT, 'node_modules'), modules);
    execFileSync(join(ROOT, 'node_modules/.bin/tsc'), ['-p', 'tsconfig.build.json'], { cwd: tree, stdio: 'inherit' });
    return { dist: join(tree, 'dist'), remove };
  } catch (error) {
    remove();
    throw error;
  }
}

function commitOf(name: string): string {
  try {
    return git('rev-parse', '--verify', '--quiet', '--end-of-options', `${name}^{commit}`);
  } catch (error) {
    throw new Error(`there is no git revision ${name} here`, { cause: error });
  }
}

function git(...args: string[]): string {
  return execFileSync('git', args, { cwd: ROOT, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }).trim();
}
