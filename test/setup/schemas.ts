/** Writes the JSON schemas that editors use, from the constants that Weir itself reads files with: `npx tsx test/setup/schemas.ts`. */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { caseSchema } from '../../engine/commands/test/case-schema.ts';
import { configSchema } from '../../engine/config/schema.ts';
import { ruleSchema } from '../../engine/language/schema.ts';
import { sharedSchema } from '../../engine/language/schema-shared.ts';
import type { JsonSchema } from '../../engine/model/json-schema.ts';

/** The schema files by their path from the root of the repository, with what each must hold. */
export const schemaFiles: Readonly<Record<string, JsonSchema>> = {
  'deploy/weir.schema.json': configSchema,
  'rules/rule.schema.json': ruleSchema,
  'rules/conditions.schema.json': sharedSchema,
  'test/language/case.schema.json': caseSchema,
};

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const root = fileURLToPath(new URL('../../', import.meta.url));
  const biome = createRequire(import.meta.url).resolve('@biomejs/biome/bin/biome');
  for (const [path, schema] of Object.entries(schemaFiles)) writeFileSync(`${root}${path}`, JSON.stringify(schema));
  execFileSync(process.execPath, [biome, 'format', '--write', ...Object.keys(schemaFiles)], {
    cwd: root,
    stdio: 'inherit',
  });
}
