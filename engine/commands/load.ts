import { readdirSync, readFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { parseConfig } from '../config/parse.ts';
import { compilePlan, type ParsedRule } from '../language/compile.ts';
import { parseRuleFile } from '../language/shape.ts';
import type { Config } from '../model/config.ts';
import type { Plan } from '../model/plan.ts';
import { InvalidInput, type Problem } from '../model/problem.ts';

const RULE_ENDING = '.rule.json';

/** What a config file and its rules come to; the problems are warnings only. */
export interface Loaded {
  readonly config: Config;
  readonly plan: Plan;
  readonly warnings: readonly Problem[];
}

/**
 * Reads a config file and the rules that it names. Throws InvalidInput with every problem of every file at once; each is named as
 * the user would, from the current folder.
 */
export function loadConfig(file: string): Loaded {
  const path = resolve(file);
  const shown = relative(process.cwd(), path) || file;
  const { config, problems } = parseConfig(
    shown,
    readText(path, shown, 'Name a config file with --config.'),
    join(path, '..'),
  );
  if (config === undefined) throw new InvalidInput(problems);
  const rules = loadRules(config);
  const all = [...problems, ...rules.problems];
  if (all.some((problem) => problem.severity === 'error')) throw new InvalidInput(all);
  return { config, plan: rules.plan, warnings: all };
}

function loadRules(config: Config): { plan: Plan; problems: Problem[] } {
  const folder = relative(process.cwd(), config.rules) || '.';
  const parsed: ParsedRule[] = [];
  const problems: Problem[] = [];
  for (const name of listRules(config.rules, config.file)) {
    const shown = join(folder, name);
    const { rule, document, problems: found } = parseRuleFile(shown, readText(join(config.rules, name), shown, ''));
    problems.push(...found);
    if (rule !== undefined) parsed.push({ rule, document });
  }
  const compiled = compilePlan(config.streams, parsed);
  return { plan: compiled.plan, problems: [...problems, ...compiled.problems] };
}

function listRules(folder: string, configFile: string): string[] {
  try {
    return readdirSync(folder)
      .filter((name) => name.endsWith(RULE_ENDING))
      .sort();
  } catch (error) {
    throw unreadable(
      configFile,
      `the folder of rules cannot be read: ${(error as Error).message}`,
      'Make it, or correct "rules" in the config.',
    );
  }
}

function readText(path: string, shown: string, remedy: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw unreadable(shown, `the file cannot be read: ${(error as Error).message}`, remedy || 'Let Weir read it.');
  }
}

function unreadable(file: string, message: string, remedy: string): InvalidInput {
  return new InvalidInput([{ code: 'unreadable', severity: 'error', file, line: 0, column: 0, message, remedy }]);
}
