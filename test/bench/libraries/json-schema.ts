import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { configSchema } from '../../../engine/config/config-schema.ts';
import { parseDocument } from '../../../engine/document/document.ts';
import { createValidator } from '../../../engine/document/validator.ts';
import { ruleSchema } from '../../../engine/language/schema/rule-schema.ts';
import type { JsonSchema } from '../../../engine/model/json-schema.ts';
import type { Candidates } from './candidates.ts';
import { type Comparison, countRight, cpuRatio, type Finding } from './measure.ts';

interface Case {
  readonly schema: JsonSchema;
  readonly data: unknown;
  readonly valid: boolean;
}

/** The errors of a value; empty if it is valid. */
type Errors = (value: unknown) => readonly unknown[];
type Compile = (schema: JsonSchema) => Errors | Promise<Errors>;

/**
 * Compares with draft 4 of the JSON Schema Test Suite from npm, or the draft in the folder WEIR_SCHEMA_SUITE. Only tests are used whose
 * schemas have the part of JSON Schema that ours supports. In addition, all faulty files of our own tests are used.
 */
export const compareJsonSchema: Comparison = async (candidates) => {
  const suite = readSuite(
    process.env.WEIR_SCHEMA_SUITE ?? join(candidates.folder, 'node_modules/json-schema-test-suite/tests/draft4'),
  );
  const ours: Compile = (schema) => createValidator(schema);
  const ourRight = await countValid(ours, suite);
  const findings: Finding[] = [];
  for (const [candidate, compile] of await compilers(candidates)) {
    const right = {
      of: 'tests of the JSON Schema Test Suite',
      ours: ourRight,
      theirs: await countValid(compile, suite),
      total: suite.length,
    };
    const [own, other] = await Promise.all([faultyFiles(ours), faultyFiles(compile)]);
    const note = `${other.errors} errors for ${own.files} faulty files, ours ${own.errors}`;
    findings.push({ thing: 'JSON Schema', candidate, right, cpu: cpuRatio(own.again, other.again), note });
  }
  return findings;
};

async function compilers(candidates: Candidates): Promise<readonly (readonly [name: string, compile: Compile])[]> {
  type AjvErrors = { keyword: string }[] | null | undefined;
  type AjvCheck = ((value: unknown) => boolean) & { errors?: AjvErrors };
  const { Ajv } = await candidates.load<{ Ajv: new (options: object) => { compile: (schema: object) => AjvCheck } }>(
    'ajv',
  );
  type CfResult = { errors: readonly { keyword: string }[] };
  const { Validator } = await candidates.load<{
    Validator: new (schema: object, draft: string, shortCircuit: boolean) => { validate: (value: unknown) => CfResult };
  }>('@cfworker/json-schema');
  const ajv: Compile = (schema) => {
    const check = new Ajv({ allErrors: true, strict: false, logger: false }).compile(withoutId(schema));
    return (value) => (check(value) ? [] : (check.errors ?? []).filter(({ keyword }) => keyword !== 'anyOf'));
  };
  const cfworker: Compile = (schema) => {
    const validator = new Validator(withoutId(schema), '7', false);
    const outer = ['anyOf', '$ref', 'properties', 'items'];
    return (value) => validator.validate(value).errors.filter(({ keyword }) => !outer.includes(keyword));
  };
  const hyperjump = await hyperjumpCompiler(candidates);
  return [
    ['ajv', ajv],
    ['@cfworker/json-schema', cfworker],
    ['@hyperjump/json-schema', hyperjump],
  ];
}

async function hyperjumpCompiler(candidates: Candidates): Promise<Compile> {
  type Output = { valid: boolean; errors?: readonly { keyword: string }[] };
  type Hyperjump = {
    registerSchema: (schema: object, id: string, dialect: string) => void;
    validate: (id: string) => Promise<(value: unknown, format: string) => Output>;
  };
  const { registerSchema, validate } = await candidates.load<Hyperjump>('@hyperjump/json-schema/draft-07');
  const outer = /\/(anyOf|ref|\$ref|properties|items|additionalProperties|validate)$/;
  let known = 0;
  return async (schema) => {
    const id = `https://weir.example/${known++}`;
    registerSchema(withoutId(schema), id, 'http://json-schema.org/draft-07/schema#');
    const check = await validate(id);
    return (value) => {
      const { valid, errors = [] } = check(value, 'BASIC');
      return valid ? [] : errors.filter(({ keyword }) => !outer.test(keyword));
    };
  };
}

function withoutId({ $schema, $id, ...schema }: JsonSchema): JsonSchema {
  return schema;
}

async function countValid(compile: Compile, cases: readonly Case[]): Promise<number> {
  const compiled = new Map<JsonSchema, Errors>();
  for (const schema of new Set(cases.map((each) => each.schema))) {
    try {
      compiled.set(schema, await compile(schema));
    } catch {
      // The tests of this schema count as failed.
    }
  }
  return countRight(cases, ({ schema, data, valid }) => (compiled.get(schema)!(data).length === 0) === valid);
}

/** The number of schema errors in the faulty files of our tests, and a function to repeat the count. */
async function faultyFiles(compile: Compile) {
  const documents = [
    ...(await documentsOf('../../config/bad/', await compile(configSchema))),
    ...(await documentsOf('../../language/bad/', await compile(ruleSchema))),
  ].filter(({ value, errors }) => errors(value).length > 0);
  const again = () => documents.reduce((sum, { value, errors }) => sum + errors(value).length, 0);
  return { files: documents.length, errors: again(), again };
}

async function documentsOf(folder: string, errors: Errors) {
  const url = new URL(folder, import.meta.url);
  return readdirSync(url)
    .filter((name) => name.endsWith('.bad'))
    .map((name) => parseDocument(name, readFileSync(new URL(name, url), 'utf8')))
    .filter(({ broken, value }) => !broken && value !== undefined)
    .map(({ value }) => ({ value, errors }));
}

const SCALARS = [
  ...['$schema', 'title', 'description', 'default', 'type', 'pattern', 'minLength', 'maxLength', 'minimum', 'maximum'],
  ...['minItems', 'maxItems', 'uniqueItems', 'required', 'minProperties', 'maxProperties', 'enum', 'const'],
];

/** Whether a schema uses only what `JsonSchema` describes. */
function isOurs(schema: unknown): boolean {
  if (typeof schema !== 'object' || schema === null || Array.isArray(schema)) return false;
  const { properties = {}, definitions = {}, items, additionalProperties, anyOf, $ref, ...rest } = schema as JsonSchema;
  const { title, description, default: _, definitions: __, $schema, ...asserting } = schema as JsonSchema;
  const alone = anyOf !== undefined || $ref !== undefined;
  if (alone && Object.keys(asserting).length > 1) return false;
  const inner = [...Object.values(properties), ...Object.values(definitions), ...(anyOf ?? [])];
  if (items !== undefined) inner.push(items);
  if (typeof additionalProperties === 'object') inner.push(additionalProperties);
  return (
    Object.keys(rest).every((key) => SCALARS.includes(key)) &&
    ($ref === undefined || /^#\/definitions\/\w+$/.test($ref)) &&
    !Array.isArray(rest.type) &&
    [...(rest.enum ?? []), rest.const].every((each) => typeof each !== 'object') &&
    inner.every(isOurs)
  );
}

function readSuite(folder: string): Case[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith('.json'))
    .flatMap((name) => JSON.parse(readFileSync(join(folder, name), 'utf8')) as { schema: JsonSchema; tests: Case[] }[])
    .filter(({ schema }) => isOurs(schema))
    .flatMap(({ schema, tests }) => tests.map(({ data, valid }) => ({ schema, data, valid })));
}
