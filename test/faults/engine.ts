// The shipped engine with faults at its edges: `engine.js --config FILE`. The harness starts it as a separate process each time.
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import type { Edges } from '../../engine/commands/edges.ts';
import { FAULTS } from './faults.ts';
import type { EngineFaults } from './program.ts';

/** A short interval, so that short runs have checkpoints. */
const CHECKPOINT_MS = 1_000;

const { compiled, faults } = JSON.parse(process.env.WEIR_FAULTS ?? '') as EngineFaults;
const load = <M>(file: string) => import(pathToFileURL(`${compiled}/engine/commands/${file}`).href) as Promise<M>;
const { realEdges } = await load<typeof import('../../engine/commands/edges.ts')>('edges.js');
const { loadConfig } = await load<typeof import('../../engine/commands/load.ts')>('load.js');
const { runEngine } = await load<typeof import('../../engine/commands/run-engine.ts')>('run-engine.js');

const { values } = parseArgs({ allowPositionals: true, options: { config: { type: 'string', default: '' } } });
const { stdout, stderr, env } = process;
process.umask(0o077);
const edges = faults.reduce<Edges>((all, name) => FAULTS[name]()(all), { ...realEdges, checkpointMs: CHECKPOINT_MS });
const code = await runEngine(
  loadConfig(values.config),
  { stdout, stderr, env, signal: new AbortController().signal },
  edges,
);
process.exit(code);
