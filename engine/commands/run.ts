import { parseArgs } from 'node:util';
import { InvalidInput } from '../document/problem.ts';
import type { Command } from './command.ts';
import { realEdges } from './edges.ts';
import { loadConfig } from './load.ts';
import { DRAIN_MS, runEngine } from './run-engine.ts';

/** `weir run`: the engine, against servers that exist. */
export const run: Command = {
  name: 'run',
  summary: 'Run the engine: MQTT in, rules, NATS and ClickHouse out',
  help: `Usage: weir run [--config FILE]

Takes readings from the brokers of the config, evaluates the rules, publishes events to NATS and inserts rows into ClickHouse, until
it is told to stop. Servers that are missing are waited for; /readyz tells which.

  --config FILE   default: deploy/weir.json

SIGTERM and SIGINT stop it cleanly: it takes nothing more in, delivers for up to ${DRAIN_MS / 1_000} s, writes a checkpoint.
Logs are JSON lines on standard output. Those that cannot be written are dropped and counted; the engine goes on.

Exit code: 0 stopped as told, 1 the disk or another program in the way failed it, 2 config or rules are wrong.`,
  async run(args, io) {
    const { values } = parseArgs({
      args: [...args],
      options: { config: { type: 'string', default: 'deploy/weir.json' } },
    });
    try {
      return await runEngine(loadConfig(values.config), io, realEdges);
    } catch (error) {
      if (!(error instanceof InvalidInput)) throw error;
      io.stderr.write(`${error.message}\n`);
      return 2;
    }
  },
};
