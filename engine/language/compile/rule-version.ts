import { createHash } from 'node:crypto';
import { sortKeys } from '../../model/json-object.ts';
import type { RuleFile } from '../../model/rule.ts';
import type { Uses } from '../conditions/uses.ts';
import type { Shared } from '../shared-file.ts';

/** Hashes the meaning of a rule: its keys without `description` and `$schema`, the shared conditions and lists that it uses, and the version of its stream. */
export function versionOf(rule: RuleFile, uses: Uses, shared: Shared | undefined, source: string | undefined): string {
  const { $schema: _schema, description: _description, ...meaning } = rule;
  const pick = (from: object = {}, names: ReadonlySet<string>) =>
    Object.fromEntries(Object.entries(from).filter(([name]) => names.has(name)));
  const conditions = pick(shared?.conditions, uses.conditions);
  const lists = pick(shared?.lists, uses.lists);
  const referred = uses.conditions.size + uses.lists.size > 0 ? [{ conditions, lists }] : [];
  return createHash('sha256')
    .update(
      [meaning, ...referred, ...(source === undefined ? [] : [{ source }])]
        .map((part) => JSON.stringify(sortKeys(part)))
        .join('\n'),
    )
    .digest('hex')
    .slice(0, 12);
}
