import { parseArgs } from 'node:util';
import { InvalidInput } from '../document/problem.ts';
import type { Command } from './command.ts';
import { realEdges } from './edges.ts';
import { loadConfig } from './load.ts';
import { DRAIN_MS, runEngine } from './run-engine.ts';

/** `weir run`: runs the engine with the servers of the config. */
export const run: Command = {
  name: 'run',
  summary: 'Run the engine: MQTT in, rules, NATS and ClickHouse out',
  help: `Usage: weir run [--config FILE]

Receives readings from the brokers of the config, evaluates the rules, publishes events to NATS and inserts rows into ClickHouse, until
it is stopped. It waits for servers that are not reachable; /readyz names them.

  --config FILE   default: deploy/weir.json

SIGTERM and SIGINT stop it cleanly: it receives no more messages, delivers for up to ${DRAIN_MS / 1_000} s and writes a checkpoint. A second signal
ends it at once; nothing that was acknowledged is lost.
Logs are JSON lines on standard output. Lines that cannot be written are dropped and counted, and the engine continues.

Exit code: 0 stopped by a signal, 1 it could not start or the disk failed (the last log line has the reason), 2 config or rules are wrong.`,
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
