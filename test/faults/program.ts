import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { FaultName } from './faults.ts';
import { copyWith, type Mutation } from './mutations.ts';
import type { Program } from './world.ts';

/** What `engine.ts` finds in the variable `WEIR_FAULTS`, as JSON. */
export interface Order {
  /** Folder with the compiled engine. */
  readonly compiled: string;
  /** From the inside out: a later one wraps those before it. */
  readonly faults: readonly FaultName[];
}

/** Where programs come from: the entry of the harness, compiled, in a scratch folder. */
export interface Programs {
  /** An engine with faults at its edges, and with mutations of its code. */
  make(faults: readonly FaultName[], mutations?: readonly Mutation[]): Program;
  /** Removes everything. */
  remove(): void;
}

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** Compiles the entry, for the engine under test must run without a loader. `dist/` must be built. */
export function createPrograms(): Programs {
  const scratch = mkdtempSync(join(tmpdir(), 'weir-faults-engine-'));
  const tsc = join(ROOT, 'node_modules/typescript/bin/tsc');
  execFileSync(process.execPath, [tsc, '-p', join(ROOT, 'test/faults'), '--outDir', scratch], { stdio: 'inherit' });
  copyFileSync(join(ROOT, 'package.json'), join(scratch, 'package.json'));
  symlinkSync(join(ROOT, 'node_modules'), join(scratch, 'node_modules'));
  return {
    make: (faults, mutations = []) => {
      const compiled = mutations.length === 0 ? join(ROOT, 'dist') : copyWith(mutations, ROOT, scratch);
      const order: Order = { compiled, faults };
      return { cli: join(scratch, 'test/faults/engine.js'), env: { WEIR_FAULTS: JSON.stringify(order) } };
    },
    remove: () => rmSync(scratch, { recursive: true, force: true }),
  };
}
