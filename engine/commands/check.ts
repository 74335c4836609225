import { parseArgs } from 'node:util';
import { formatProblem, InvalidInput } from '../document/problem.ts';
import type { Command } from './command.ts';
import { loadConfig } from './load.ts';

/** `weir check`: says everything that is wrong with a config and its rules, without starting anything. */
export const check: Command = {
  name: 'check',
  summary: 'Check a config and its rules, and say everything that is wrong with them',
  help: `Usage: weir check [--config FILE]

Reads the config and every *.rule.json in its folder of rules, and prints each problem with file, line, column and remedy.
Starts nothing and connects to nothing. Secrets are not looked up.

  --config FILE   default: deploy/weir.json

Exit code: 0 sound (there may be warnings), 2 not.`,
  async run(args, io) {
    const { values } = parseArgs({
      args: [...args],
      options: { config: { type: 'string', default: 'deploy/weir.json' } },
    });
    try {
      const { config, plan, warnings } = loadConfig(values.config);
      for (const warning of warnings) io.stdout.write(`${formatProblem(warning)}\n`);
      const { streams } = config;
      io.stdout.write(
        `${config.file}: sound; ${streams.length} streams, ${plan.rules.length} rules, ${warnings.length} warnings\n`,
      );
      return 0;
    } catch (error) {
      if (!(error instanceof InvalidInput)) throw error;
      const errors = error.problems.filter((problem) => problem.severity === 'error').length;
      io.stdout.write(`${error.message}\n${errors} errors, ${error.problems.length - errors} warnings\n`);
      return 2;
    }
  },
};
