import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { lockFolder } from '../../../engine/journal/lock.ts';
import { type Comparison, countRight } from './measure.ts';

/** Command lines with a mistake, for a program with `--devices N` and `--json`. Each must be refused. */
const MISTAKES = [
  ['--devics', '5'],
  ['--devices'],
  ['--devices', '--json'],
  ['--json=1'],
  ['stray'],
  ['-x'],
  ['--no-json'],
  ['--devices', '5', 'stray'],
];

/** Our commands use `parseArgs` of Node. */
export const compareCommandLine: Comparison = async (candidates) => {
  type Commander = { Command: new () => Program };
  interface Program {
    option(flags: string): Program;
    exitOverride(): Program;
    configureOutput(output: object): Program;
    parse(args: readonly string[], from: object): Program;
  }
  const { Command } = await candidates.load<Commander>('commander');
  const { parseArgs: cittyArgs } = await candidates.load<{
    parseArgs: (args: readonly string[], options: object) => unknown;
  }>('citty');
  const refusals: Record<string, (args: readonly string[]) => unknown> = {
    ours: (args) => parseArgs({ args: [...args], options: { devices: { type: 'string' }, json: { type: 'boolean' } } }),
    commander: (args) =>
      new Command()
        .option('--devices <n>')
        .option('--json')
        .exitOverride()
        .configureOutput({ writeErr: () => undefined })
        .parse(args, { from: 'user' }),
    citty: (args) => cittyArgs(args, { devices: { type: 'string' }, json: { type: 'boolean' } }),
  };
  const refused = (name: string) =>
    MISTAKES.length - countRight(MISTAKES, (args) => refusals[name]!(args) !== undefined);
  return ['commander', 'citty'].map((candidate) => ({
    thing: 'command line',
    candidate,
    right: { of: 'mistakes refused', ours: refused('ours'), theirs: refused(candidate), total: MISTAKES.length },
  }));
};

/** The time until a folder can be used again after its process was killed. */
export const compareLock: Comparison = async (candidates) => {
  type Lockfile = { default: { lock: (folder: string) => Promise<unknown> } };
  const { default: lockfile } = await candidates.load<Lockfile>('proper-lockfile');
  const own = fileURLToPath(new URL('../../../engine/journal/lock.ts', import.meta.url));
  const ours = await takeOverMs(`import { lockFolder } from '${own}'; lockFolder(process.argv[1]);`, async (folder) =>
    lockFolder(folder),
  );
  const theirs = await takeOverMs(
    `import lockfile from '${join(candidates.folder, 'node_modules/proper-lockfile/index.js')}'; await lockfile.lock(process.argv[1]);`,
    (folder) => lockfile.lock(folder),
  );
  return [
    {
      thing: 'lock of a folder',
      candidate: 'proper-lockfile',
      note: `${theirs} ms until the folder of a killed process is free, ours ${ours} ms`,
    },
  ];
};

async function takeOverMs(script: string, take: (folder: string) => Promise<unknown>): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'weir-lock-'));
  const wait = "console.log('locked'); setInterval(() => {}, 1000);";
  const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', `${script} ${wait}`, folder], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(child.stdout, 'data');
  child.kill('SIGKILL');
  await once(child, 'exit');
  const killedAt = performance.now();
  const release = await untilTaken(() => take(folder), killedAt + 30_000);
  const ms = Math.round(performance.now() - killedAt);
  if (typeof release === 'function') await (release as () => unknown)();
  rmSync(folder, { recursive: true });
  return ms;
}

async function untilTaken(take: () => Promise<unknown>, deadline: number): Promise<unknown> {
  for (;;) {
    try {
      return await take();
    } catch (error) {
      if (performance.now() > deadline) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

/** Candidates of which only the size can be compared. */
export const compareSizes: Comparison = async () => [
  { thing: 'backoff', candidate: 'exponential-backoff' },
  { thing: 'rate limit', candidate: 'p-throttle' },
];
