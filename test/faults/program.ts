import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { FaultName } from './faults.ts';
import { copyWith, type Mutation } from './mutations.ts';
import type { Program } from './testbed.ts';

/** The content of the environment variable `WEIR_FAULTS` for `engine.ts`, as JSON. */
export interface EngineFaults {
  /** Folder with the compiled engine. */
  readonly compiled: string;
  /** The faults from the inside out: each wraps those before it. */
  readonly faults: readonly FaultName[];
}

/** Makes programs from the compiled entry of the harness, in a scratch folder. */
export interface Programs {
  /** An engine with faults at its edges, and with mutations of its code. */
  make(faults: readonly FaultName[], mutations?: readonly Mutation[]): Program;
  /** Removes the scratch folder. */
  remove(): void;
}

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** Compiles the entry, because the engine under test must run without a loader. `dist/` must be built. */
export function createPrograms(): Programs {
  const scratch = mkdtempSync(join(tmpdir(), 'weir-faults-engine-'));
  const tsc = join(ROOT, 'node_modules/typescript/bin/tsc');
  execFileSync(process.execPath, [tsc, '-p', join(ROOT, 'test/faults'), '--outDir', scratch], { stdio: 'inherit' });
  copyFileSync(join(ROOT, 'package.json'), join(scratch, 'package.json'));
  symlinkSync(join(ROOT, 'node_modules'), join(scratch, 'node_modules'));
  return {
    make: (faults, mutations = []) => {
      const compiled = mutations.length === 0 ? join(ROOT, 'dist') : copyWith(mutations, ROOT, scratch);
      const settings: EngineFaults = { compiled, faults };
      return { cli: join(scratch, 'test/faults/engine.js'), env: { WEIR_FAULTS: JSON.stringify(settings) } };
    },
    remove: () => rmSync(scratch, { recursive: true, force: true }),
  };
}
