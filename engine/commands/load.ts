import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { parseConfig } from '../config/parse.ts';
import { parseAttributeFile } from '../devices/attribute-file.ts';
import { InvalidInput, type Problem } from '../document/problem.ts';
import { parseRuleFile } from '../language/check/rule-file.ts';
import { compilePlan, type ParsedRule } from '../language/compile/compile-plan.ts';
import { usesOfRule } from '../language/conditions/uses.ts';
import { findUnused, parseSharedFile, type Shared } from '../language/shared-file.ts';
import type { Config } from '../model/config.ts';
import type { Plan } from '../model/plan/plan.ts';

const RULE_ENDING = '.rule.json';
/** Optional file of conditions and lists that the rules of a folder share. */
const SHARED_NAME = 'conditions.json';

/** A valid config with its compiled rules. */
export interface Loaded {
  readonly config: Config;
  readonly plan: Plan;
  /** Problems that are not errors. */
  readonly warnings: readonly Problem[];
}

/**
 * Reads a config file and its rules. Throws InvalidInput with all problems of all files. Paths of files are relative to the current folder, as
 * the user would write them.
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
  const all = [...problems, ...rules.problems, ...checkAttributes(config)];
  if (all.some((problem) => problem.severity === 'error')) throw new InvalidInput(all);
  return { config, plan: rules.plan, warnings: all };
}

function loadRules(config: Config): { plan: Plan; problems: Problem[] } {
  const folder = relative(process.cwd(), config.rules) || '.';
  const parsed: ParsedRule[] = [];
  const { shared, problems: found } = loadShared(config.rules, folder);
  const problems = [...found];
  const unread: string[] = [];
  const names = listRules(config.rules, config.file);
  for (const name of names) {
    const shown = join(folder, name);
    const { rule, document, problems: own } = parseRuleFile(shown, readText(join(config.rules, name), shown, ''));
    problems.push(...own);
    if (rule !== undefined) parsed.push({ rule, document });
    else unread.push(nameOf(document.value, name));
  }
  // Without the shared file, every rule that uses a name of it would get a misleading error.
  const isSharedBroken = shared === undefined && found.length > 0;
  const compiled = compilePlan(config.streams, isSharedBroken ? parsed.filter(usesNothingShared) : parsed, shared, {
    attributes: config.attributes !== undefined,
    unread,
  });
  problems.push(...compiled.problems);
  // An unreadable rule may use any name, so nothing is reported as unused then.
  if (shared !== undefined && parsed.length === names.length) {
    const uses = parsed.map(({ rule }) => usesOfRule(rule, shared.conditions));
    problems.push(...findUnused(shared, uses));
  }
  return { plan: compiled.plan, problems };
}

/** The name of a rule with errors; the name of its file if the rule has none. */
function nameOf(value: unknown, file: string): string {
  const named = typeof value === 'object' && value !== null && 'name' in value ? value.name : undefined;
  return typeof named === 'string' ? named : file.slice(0, -RULE_ENDING.length);
}

/** Problems of the file of attributes that the config names. */
function checkAttributes({ attributes }: Config): readonly Problem[] {
  if (attributes?.file === undefined) return [];
  const shown = relative(process.cwd(), attributes.file);
  const remedy = 'Create it, or correct "attributes" in the config.';
  return parseAttributeFile(shown, readText(attributes.file, shown, remedy)).problems;
}

function usesNothingShared({ rule }: ParsedRule): boolean {
  const { conditions, lists } = usesOfRule(rule, {});
  return conditions.size + lists.size === 0;
}

function loadShared(rules: string, folder: string): { shared: Shared | undefined; problems: Problem[] } {
  const path = join(rules, SHARED_NAME);
  if (!existsSync(path)) return { shared: undefined, problems: [] };
  const shown = join(folder, SHARED_NAME);
  return parseSharedFile(shown, readText(path, shown, ''));
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
      'Create it, or correct "rules" in the config.',
    );
  }
}

function readText(path: string, shown: string, remedy: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw unreadable(
      shown,
      `the file cannot be read: ${(error as Error).message}`,
      remedy || 'Give the user that Weir runs as permission to read it.',
    );
  }
}

function unreadable(file: string, message: string, remedy: string): InvalidInput {
  return new InvalidInput([{ code: 'unreadable', severity: 'error', file, line: 0, column: 0, message, remedy }]);
}
