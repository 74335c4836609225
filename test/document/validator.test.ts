import { Validator as Judge, type Schema } from '@cfworker/json-schema';
import { describe, expect, it } from 'vitest';
import { createValidator } from '../../engine/document/validator.ts';
import type { JsonSchema } from '../../engine/model/json-schema.ts';

const pair = {
  anyOf: [
    { title: 'a text', type: 'string' },
    {
      type: 'object',
      required: ['left'],
      additionalProperties: false,
      properties: { left: { type: 'number' }, both: {} },
    },
    {
      type: 'object',
      required: ['right'],
      additionalProperties: false,
      properties: { right: { type: 'number' }, both: {} },
    },
  ],
} satisfies JsonSchema;

describe('a value at the limit of its schema', () => {
  it.each<[JsonSchema, unknown]>([
    [{ type: 'number', minimum: 1, maximum: 3 }, 1],
    [{ type: 'number', minimum: 1, maximum: 3 }, 3],
    [{ type: 'number', minimum: 1, maximum: 3 }, 0.999],
    [{ type: 'number', minimum: 1, maximum: 3 }, 3.001],
    [{ type: 'integer' }, 2.0],
    [{ type: 'integer' }, 2.5],
    [{ type: 'string', minLength: 1, maxLength: 2 }, ''],
    [{ type: 'string', minLength: 1, maxLength: 2 }, '°C'],
    [{ type: 'string', minLength: 1, maxLength: 2 }, '🌡🌡'],
    [{ type: 'string', minLength: 2 }, '🌡'],
    [{ type: 'string', maxLength: 2 }, 'abc'],
    [{ type: 'array', minItems: 1, maxItems: 2 }, []],
    [{ type: 'array', minItems: 1, maxItems: 2 }, [1, 2]],
    [{ type: 'array', minItems: 1, maxItems: 2 }, [1, 2, 3]],
    [{ type: 'array', uniqueItems: true }, [1, '1', [1], true]],
    [{ type: 'array', uniqueItems: true }, ['a', 'b', 'a']],
    [{ type: 'object', minProperties: 1, maxProperties: 1 }, {}],
    [{ type: 'object', minProperties: 1, maxProperties: 1 }, { a: 1 }],
    [
      { type: 'object', minProperties: 1, maxProperties: 1 },
      { a: 1, b: 2 },
    ],
    [
      { type: 'object', additionalProperties: { type: 'number' } },
      { a: 1, b: '2' },
    ],
    [{ type: 'object', properties: { a: {} }, additionalProperties: false }, { toString: 1 }],
    [{ type: 'object', required: ['toString'] }, {}],
    [{ type: 'null' }, null],
    [{ type: 'object' }, null],
    [{ type: 'object' }, []],
    [{ enum: [5, '5.0'] }, '5'],
    [{ const: 'a' }, 'b'],
    [pair, { left: 1 }],
    [pair, { left: 1, right: 2 }],
    [pair, { both: 1 }],
    [pair, 1],
  ])('%j: %j gets the same result as from an independent validator', (schema, value) => {
    expect(createValidator(schema)(value).length === 0).toBe(new Judge(schema as Schema, '7').validate(value).valid);
  });
});

describe('a value that may have one of several forms', () => {
  const validate = createValidator(pair);

  it.each([
    ['the form that its keys point to', { left: 'a' }, 'wrong-type', ['left'], '`left` must be a number; found "a".'],
    ['the form that a mistyped key points to', { rihgt: 1 }, 'unknown-key', ['rihgt'], 'Unknown key `rihgt`.'],
    [
      'forms that exclude each other',
      { left: 1, right: 1 },
      'exclusive-keys',
      ['right'],
      '`right` cannot be combined with `left`.',
    ],
    ['all forms where none is near', 1, 'wrong-type', [], 'The file must be a text, or an object { … }; found 1.'],
  ])('is reported: %s', (_name, value, code, path, message) => {
    expect(validate(value)).toMatchObject([{ code, path, message }]);
  });
});

describe('a message', () => {
  const secret = createValidator({
    type: 'object',
    properties: { password: { type: 'string', pattern: '^x', writeOnly: true } },
  });

  it.each([4711, 'hunter2', true])('does not show the secret %s', (password) => {
    expect(JSON.stringify(secret({ password }))).not.toContain(String(password));
    expect(secret({ password })).toHaveLength(1);
  });

  it('shows no user and password of a URL, and at most one line of any value', () => {
    const faults = createValidator({ type: 'number' })(`mqtt://weir:hunter2@${'host'.repeat(100)}\n`);
    expect(faults[0]?.message).toMatch(/^The file must be a number; found "mqtt:\/\/\*\*\*@host.{0,60}$/);
  });
});
