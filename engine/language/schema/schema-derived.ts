import { type DetectorName, detectors } from '../../detectors/registry.ts';
import { durationSchema } from '../../document/schema-values.ts';
import type { DetectorSpan } from '../../model/detector.ts';
import { formatDuration } from '../../model/duration.ts';
import type { JsonSchema } from '../../model/json-schema.ts';
import { OPERATION_NAMES, type OperationName, operations } from '../calculations/operations.ts';
import { topConditionSchema } from './schema-conditions.ts';

const name = { type: 'string', minLength: 1, maxLength: 128, examples: ['temp'] } satisfies JsonSchema;

const DESCRIPTIONS: Readonly<Record<OperationName, string>> = {
  add: 'Sum of the operands.',
  subtract: 'First operand minus the second.',
  multiply: 'Product of the operands.',
  divide: 'First operand divided by the second; no value if the second is 0.',
  min: 'Smallest of the operands.',
  max: 'Largest of the operands.',
  pow: 'First operand to the power of the second.',
  abs: 'Absolute value of the operand.',
  round: 'The operand, rounded to `digits` decimals; halves are rounded away from zero.',
  sqrt: 'Square root of the operand; no value if the operand is below 0.',
  log: 'Logarithm of the operand, natural unless `base` is given; no value if the operand is 0 or less.',
};

const OPTIONS: Readonly<Record<string, JsonSchema>> = {
  digits: { type: 'integer', minimum: 0, maximum: 15, description: 'Number of decimals.', default: 0 },
  base: { type: 'integer', enum: [2, 10], description: 'Base of the logarithm. Default: e.' },
};

const operand = { $ref: '#/definitions/operand' } satisfies JsonSchema;

function spanSchema({ description, defaultMs }: DetectorSpan): JsonSchema {
  return { ...durationSchema, description, ...(defaultMs !== undefined && { default: formatDuration(defaultMs) }) };
}

/** Schema of a running fact: the detector, its source, and its span, which is required if it has no default. */
function runningSchema(detector: DetectorName): JsonSchema {
  const { source, description, span } = detectors[detector];
  const field = { ...name, title: 'the name of a field', description };
  const time = { title: 'true', type: 'boolean', enum: [true], description } satisfies JsonSchema;
  const of = source === 'condition' ? { ...topConditionSchema, description } : source === 'time' ? time : field;
  return {
    title: `{"${detector}": …}`,
    type: 'object',
    required: [detector, ...(span !== undefined && span.defaultMs === undefined ? [span.key] : [])],
    additionalProperties: false,
    properties: { [detector]: of, ...(span !== undefined && { [span.key]: spanSchema(span) }) },
  };
}

function calculationSchema(operation: OperationName): JsonSchema {
  const known = operations[operation];
  const option = known.operands === 'one' ? known.option : undefined;
  const description = DESCRIPTIONS[operation];
  const list = {
    title: known.operands === 'two' ? 'a list of two operands' : 'a list of operands',
    type: 'array',
    minItems: 2,
    maxItems: known.operands === 'two' ? 2 : 64,
    items: operand,
    description,
    examples: [['temp', 20]],
  } satisfies JsonSchema;
  return {
    title: `{"${operation}": …}`,
    type: 'object',
    required: [operation],
    additionalProperties: false,
    properties: {
      [operation]: known.operands === 'one' ? operand : list,
      ...(option !== undefined && { [option.key]: OPTIONS[option.key] ?? {} }),
    },
  };
}

const calculationSchemas = OPERATION_NAMES.map(calculationSchema);

/** Schemas of running facts and of calculated facts. */
export const derivedSchemas: readonly JsonSchema[] = [
  ...(Object.keys(detectors) as DetectorName[]).map(runningSchema),
  ...calculationSchemas,
];

/** Schema of an operand of a calculation; it is `#/definitions/operand` of the rule schema. */
export const operandSchema: JsonSchema = {
  title: 'a number, the name of a field or fact, or a calculation {"divide": [ … ]}',
  description: 'A number, the name of a field or fact, or another calculation.',
  anyOf: [
    { title: 'a number', type: 'number' },
    { ...name, title: 'the name of a field or fact' },
    ...calculationSchemas,
  ],
  examples: ['temp', 20, { multiply: ['voltage', 'current'] }],
};
