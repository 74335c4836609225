import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type BenchCase, type BenchResult, DIST, MIB } from './bench.ts';
import { buildRevision } from './revision.ts';
import { FIGURES, type FigureName, type Figures } from './scale-figures.ts';
import { tableOf } from './table.ts';

const DEVICES = [10_000, 100_000, 1_000_000];
/** Memory that a run needs for each device while all of them fall silent. */
const NEEDED_BYTES = 12_000;
/** A part of the free memory stays free. */
const USABLE = 0.8;

/**
 * What the state of many devices costs the fold, which is fed with records in memory: four rules (a window for each device, a window for each
 * site, silence, a threshold). The baseline is a plain object for each device, or another revision of the engine. Each engine and number of
 * devices has a process of its own.
 */
export const scale: BenchCase = {
  name: 'scale',
  summary: 'cost of the state of 10,000 to 1,000,000 devices: memory, readings, ticks, checkpoints',
  options: ['devices', 'compare'],
  async run({ devices = DEVICES, compare }) {
    const revision = compare === undefined ? undefined : buildRevision(compare);
    try {
      const results: BenchResult[] = [];
      for (const count of devices.filter(fits)) {
        const baseline = await measure(revision?.dist ?? 'plain', count);
        results.push(...resultsOf(count, await measure(DIST, count), baseline));
      }
      return results;
    } finally {
      revision?.remove();
    }
  },
  table: tableOf,
};

/** Leaves out what this machine has no memory for. */
function fits(count: number): boolean {
  const [needed, usable] = [count * NEEDED_BYTES, usableBytes()].map((bytes) => Math.round(bytes / MIB)) as [
    number,
    number,
  ];
  if (needed <= usable) return true;
  process.stderr.write(`scale: ${count} devices are left out: they need ${needed} MiB of memory, ${usable} are free\n`);
  return false;
}

function usableBytes(): number {
  return process.availableMemory() * USABLE;
}

async function measure(engine: string, count: number): Promise<Figures> {
  const folder = mkdtempSync(join(tmpdir(), 'weir-bench-'));
  const driver = fileURLToPath(new URL('./scale-driver.ts', import.meta.url));
  const heap = `--max-old-space-size=${Math.floor(usableBytes() / MIB)}`;
  const child = fork(driver, [engine, String(count), folder], {
    execArgv: ['--import', 'tsx', '--expose-gc', heap],
  });
  const stop = (): void => {
    child.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  };
  process.once('exit', stop);
  try {
    const result = once(child, 'message') as Promise<[Figures]>;
    const failed = once(child, 'exit').then(([code, signal]) => {
      throw new Error(`measuring ${engine} with ${count} devices ended with ${code ?? signal}`);
    });
    const [figures] = await Promise.race([result, failed]);
    failed.catch(() => undefined);
    return figures;
  } finally {
    process.off('exit', stop);
    stop();
  }
}

function resultsOf(count: number, figures: Figures, baselines: Figures): BenchResult[] {
  return (Object.keys(FIGURES) as FigureName[]).map((name) => {
    const [value, baseline] = [figures[name], baselines[name]];
    return {
      case: `${count} devices, ${name}`,
      value: rounded(value),
      baseline: rounded(baseline),
      ratio: value / baseline,
      unit: FIGURES[name],
    };
  });
}

/** Four digits, and no digit of a large number less. */
function rounded(value: number): number {
  return value >= 1_000 ? Math.round(value) : Number(value.toPrecision(4));
}
