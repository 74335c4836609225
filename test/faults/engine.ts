// The engine as it ships, with faults at its edges: `engine.js --config FILE`. Started by the harness, each time as a process of its own.
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import type { Edges } from '../../engine/commands/edges.ts';
import { FAULTS } from './faults.ts';
import type { Order } from './program.ts';

/** Checkpoints come often, so that short runs have some. */
const CHECKPOINT_MS = 1_000;

const { compiled, faults } = JSON.parse(process.env.WEIR_FAULTS ?? '') as Order;
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
