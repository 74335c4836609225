import { parseArgs } from 'node:util';
import { formatProblem, InvalidInput } from '../document/problem.ts';
import type { Command } from './command.ts';
import { loadConfig } from './load.ts';

/** `weir check`: reports all problems of a config and its rules, without starting anything. */
export const check: Command = {
  name: 'check',
  summary: 'Check a config and its rules, and report all problems',
  help: `Usage: weir check [--config FILE]

Reads the config and every *.rule.json in its folder of rules, and prints each problem with file, line, column and remedy.
It starts nothing, connects to nothing and does not read secrets.

  --config FILE   default: deploy/weir.json

Exit code: 0 no errors (there may be warnings), 2 errors.`,
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
