import { type AggregateName, aggregates } from '../../aggregates/registry.ts';
import type { JsonSchema } from '../../model/json-schema.ts';
import { topConditionSchema } from './schema-conditions.ts';
import { derivedSchemas } from './schema-derived.ts';

const SUMS_UP: Readonly<Record<AggregateName, string>> = {
  count: 'Number of readings; with a field, of those that have it.',
  sum: 'Sum of the field.',
  mean: 'Mean of the field.',
  min: 'Smallest value of the field.',
  max: 'Largest value of the field.',
  range: 'Largest less smallest value of the field.',
  first: 'Earliest value of the field.',
  last: 'Latest value of the field.',
  stddev: 'Standard deviation of the field.',
  median: 'Value in the middle: exact for up to 128 values, within 1 % beyond.',
  percentile: 'Value below which `p` percent of the values lie: exact for up to 128 values, within 1 % beyond.',
  distinct: 'Number of different values of a field, a label or `device`: exact up to 1,024, give or take 1.6 % beyond.',
  share: 'Share, from 0 to 1, of the readings that meet a condition.',
  timeWeightedMean: 'Mean of the field, each value weighing by how long it held until the next.',
  slope: 'By how much the field rises (or, below 0, falls) per unit of time: slope of the line through its values.',
  histogram:
    'Number of values in each bucket. The fact h has them as h.0, h.1, … up to one more than there are bounds.',
};

const name = { type: 'string', minLength: 1, maxLength: 128, examples: ['temp'] } satisfies JsonSchema;

function operandSchema(aggregate: AggregateName): JsonSchema {
  const description = SUMS_UP[aggregate];
  const { source, accepts } = aggregates[aggregate];
  if (source === 'condition') return { ...topConditionSchema, description };
  if (source === 'name') return { ...name, title: 'the name of a field, a label or device', description };
  if (!accepts.includes('none')) return { ...name, title: 'the name of a field', description };
  const all = { title: 'true', type: 'boolean', enum: [true] } satisfies JsonSchema;
  return { title: 'true or the name of a field', description, anyOf: [all, name], examples: [true] };
}

/** One form of a fact: the aggregate, what it is of, and its parameters; those without a default must be there. */
function aggregateSchema(aggregate: AggregateName): JsonSchema {
  const params = Object.entries(aggregates[aggregate].params ?? {});
  const needed = params.filter(([, param]) => param.default === undefined).map(([key]) => key);
  return {
    title: `{"${aggregate}": …}`,
    type: 'object',
    required: [aggregate, ...needed],
    additionalProperties: false,
    properties: { [aggregate]: operandSchema(aggregate), ...Object.fromEntries(params) },
  };
}

const names = Object.keys(aggregates) as AggregateName[];

/** Schemas of the facts that sum up a window, one for each aggregate. */
const aggregateSchemas: readonly JsonSchema[] = names.map(aggregateSchema);

/** Schema of a fact. */
export const factSchema = {
  title: 'one aggregate, running fact or calculation {"mean": "temp"}',
  description:
    'With a window, one aggregate and its field; without one, a running fact and its field; or a calculation.',
  anyOf: [...aggregateSchemas, ...derivedSchemas],
  examples: [{ mean: 'temp' }],
} satisfies JsonSchema;
