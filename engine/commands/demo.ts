import type { Command } from './command.ts';

/** `weir demo`: the whole house on one machine, with nothing to install. */
export const demo: Command = {
  name: 'demo',
  summary: 'Start broker, NATS, ClickHouse, engine and simulated devices here, and watch',
  help: 'Usage: weir demo',
  async run(_args, io) {
    io.stderr.write('weir demo: not there yet\n');
    return 1;
  },
};
