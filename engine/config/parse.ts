import { dirname } from 'node:path';
import { parseDocument } from '../document/document.ts';
import { locateFaults } from '../document/fault.ts';
import type { Problem } from '../document/problem.ts';
import { createValidator } from '../document/validator.ts';
import type { Config } from '../model/config.ts';
import { checkOverlaps } from './check-overlaps.ts';
import { checkServers } from './check-servers.ts';
import { checkStreams } from './check-streams.ts';
import type { ConfigFile } from './config-file.ts';
import { configSchema } from './config-schema.ts';
import { fillConfig } from './fill.ts';
import { createInspection } from './inspection.ts';

const validate = createValidator(configSchema);

/**
 * Parses a config file into a config with all defaults filled in, and reports all problems.
 * The config is undefined exactly if one of the problems is an error. Comments are allowed, trailing commas are not.
 * Relative paths start at `folder`, by default the folder of `file`; they become absolute if `folder` is absolute.
 */
export function parseConfig(
  file: string,
  text: string,
  folder: string = dirname(file),
): { config: Config | undefined; problems: Problem[] } {
  const document = parseDocument(file, text, { comments: true });
  if (document.broken) return { config: undefined, problems: [...document.problems] };
  const structural = validate(document.value);
  const inspection = createInspection(document.value as ConfigFile, structural);
  if (inspection.isPresent([])) {
    checkServers(inspection);
    checkStreams(inspection);
    checkOverlaps(inspection);
  }
  const problems = locateFaults(document, [...structural, ...inspection.faults]);
  const failed = problems.some((problem) => problem.severity === 'error');
  return { config: failed ? undefined : fillConfig(file, folder, document.value as ConfigFile), problems };
}
