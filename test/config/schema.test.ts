import { readFileSync } from 'node:fs';
import { Validator as Judge, type Schema } from '@cfworker/json-schema';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { configSchema } from '../../engine/config/config-schema.ts';
import { createValidator } from '../../engine/document/validator.ts';
import { ruleSchema } from '../../engine/language/schema/rule-schema.ts';
import type { JsonSchema } from '../../engine/model/json-schema.ts';
import { overheating } from '../language/sample.ts';
import { schemaFiles } from '../setup/schemas.ts';
import { choiceFrom, mutate } from './mutate.ts';
import { full } from './sample.ts';

const deployed: unknown = JSON.parse(readFileSync(new URL('../../deploy/weir.json', import.meta.url), 'utf8'));
const silence = { name: 'quiet', stream: 'sensors', silence: '60s', event: { type: 'quiet' } };
const hopping = { ...overheating, window: { hopping: '1m', every: '10s' } };

describe('the schema files', () => {
  it.each(Object.keys(schemaFiles))('%s is fresh: npx tsx test/setup/schemas.ts', (path) => {
    const text = readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
    expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(schemaFiles[path])));
  });
});

describe.each([
  ['config', configSchema, [full, deployed]],
  ['rule', ruleSchema, [overheating, silence, hopping]],
] as const)('the %s schema', (_name, schema, samples) => {
  const validate = createValidator(schema);
  const judge = new Judge(schema as Schema, '7', true);

  it.each(samples)('takes sample %#', (sample) => {
    expect(validate(sample)).toEqual([]);
  });

  it('gets the same result as from an independent validator, for any change of the samples', () => {
    const verdicts = { valid: 0, invalid: 0 };
    fc.assert(
      fc.property(
        fc.array(fc.nat(), { minLength: 40, maxLength: 40 }),
        fc.nat(),
        fc.integer({ min: 1, max: 3 }),
        (tape, pick, times) => {
          const choose = choiceFrom(tape);
          let value: unknown = samples[pick % samples.length];
          for (let round = 0; round < times; round++) value = mutate(value, choose);
          const { valid } = judge.validate(value);
          verdicts[valid ? 'valid' : 'invalid']++;
          expect(validate(value).length === 0).toBe(valid);
        },
      ),
      { numRuns: 1_500 },
    );
    expect(verdicts.valid).toBeGreaterThan(20);
    expect(verdicts.invalid).toBeGreaterThan(20);
  });

  it('describes every key', () => {
    const mute: string[] = [];
    for (const { path, schema: inner } of listProperties(schema, '')) {
      if (inner.description === undefined && inner.$ref === undefined) mute.push(path);
    }
    expect(mute).toEqual([]);
  });

  it('has examples and defaults that are valid themselves', () => {
    const refused: string[] = [];
    let tried = 0;
    for (const { path, schema: inner } of listProperties(schema, '')) {
      const check = createValidator({ ...inner, definitions: schema.definitions ?? {} });
      const given = [...(inner.examples ?? []), ...(inner.default === undefined ? [] : [inner.default])];
      tried += given.length;
      for (const example of given) if (check(example).length > 0) refused.push(`${path}: ${JSON.stringify(example)}`);
    }
    expect(refused).toEqual([]);
    expect(tried).toBeGreaterThan(15);
  });
});

describe('a definition', () => {
  const definitions = { count: { type: 'integer' }, size: { $ref: '#/definitions/count' } } as const;
  const validate = createValidator({ definitions, type: 'array', items: { $ref: '#/definitions/size' } });

  it('may refer to another one', () => {
    expect(validate([1])).toEqual([]);
    expect(validate(['a']).map(({ code }) => code)).toEqual(['wrong-type']);
  });
});

describe('a list with unique items', () => {
  const validate = createValidator({ type: 'array', uniqueItems: true });

  it.each([
    [
      [
        { a: 1, b: 2 },
        { b: 2, a: 1 },
      ],
    ],
    [[[{ a: { b: 1, c: [] } }], [{ a: { c: [], b: 1 } }]]],
  ])('has no two equal objects, whatever the order of their keys: %j', (value) => {
    expect(validate(value).map(({ code, path }) => [code, path])).toEqual([['duplicate-item', [1]]]);
  });

  it.each([
    [[{ a: 1 }, { a: '1' }]],
    [
      [
        { a: 1, b: 2 },
        { a: 2, b: 1 },
      ],
    ],
    [[0, false, '', null, [], {}]],
  ])('may have items that only look equal: %j', (value) => expect(validate(value)).toEqual([]));
});

function listProperties(schema: JsonSchema, path: string): { path: string; schema: JsonSchema }[] {
  const own = Object.entries(schema.properties ?? {}).map(([key, inner]) => ({
    path: `${path}/${key}`,
    schema: inner,
  }));
  const further: [string, JsonSchema][] = [
    ...own.map((entry): [string, JsonSchema] => [entry.path, entry.schema]),
    ...(schema.anyOf ?? []).map((inner, index): [string, JsonSchema] => [`${path}|${index}`, inner]),
    ...Object.entries(schema.definitions ?? {}).map(([key, inner]): [string, JsonSchema] => [`#${key}`, inner]),
    ...(schema.items === undefined ? [] : [[`${path}[]`, schema.items] as [string, JsonSchema]]),
    ...(typeof schema.additionalProperties === 'object'
      ? [[`${path}/*`, schema.additionalProperties] as [string, JsonSchema]]
      : []),
  ];
  return [...own, ...further.flatMap(([place, inner]) => listProperties(inner, place))];
}
