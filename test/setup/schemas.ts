/** Writes the JSON schemas for editors from the constants with which Weir checks files: `npx tsx test/setup/schemas.ts`. */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { caseSchema } from '../../engine/commands/test/case-schema.ts';
import { configSchema } from '../../engine/config/config-schema.ts';
import { ruleSchema } from '../../engine/language/schema/rule-schema.ts';
import { sharedSchema } from '../../engine/language/schema/schema-shared.ts';
import type { JsonSchema } from '../../engine/model/json-schema.ts';

/** A schema without our own keyword, which editors do not know. */
function published(schema: JsonSchema): JsonSchema {
  return JSON.parse(
    JSON.stringify(schema, (key, value) => (key === 'patternBounds' ? undefined : value)),
  ) as JsonSchema;
}

/** The schema files: path from the root of the repository, and content. */
export const schemaFiles: Readonly<Record<string, JsonSchema>> = {
  'deploy/weir.schema.json': published(configSchema),
  'rules/rule.schema.json': published(ruleSchema),
  'rules/conditions.schema.json': published(sharedSchema),
  'test/language/case.schema.json': published(caseSchema),
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
