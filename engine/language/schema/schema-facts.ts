import { type AggregateName, aggregates } from '../../aggregates/registry.ts';
import type { JsonSchema } from '../../model/json-schema.ts';
import { topConditionSchema } from './schema-conditions.ts';
import { derivedSchemas } from './schema-derived.ts';

const DESCRIPTIONS: Readonly<Record<AggregateName, string>> = {
  count: 'Number of readings; with a field, number of readings that have the field.',
  sum: 'Sum of the field.',
  mean: 'Mean of the field.',
  min: 'Smallest value of the field.',
  max: 'Largest value of the field.',
  range: 'Largest value of the field minus the smallest.',
  first: 'Earliest value of the field.',
  last: 'Latest value of the field.',
  stddev: 'Standard deviation of the field.',
  median: 'Value in the middle: exact for up to 128 values, within 1 % for more.',
  percentile: 'Value below which `p` percent of the values are: exact for up to 128 values, within 1 % for more.',
  distinct:
    'Number of different values of a field, a label or `device`: exact up to 1,024, within about 1.6 % for more.',
  share: 'Share, from 0 to 1, of the readings that meet a condition.',
  timeWeightedMean: 'Mean of the field, in which each value counts for as long as it lasted until the next.',
  slope: 'How much the field rises per unit of time (below 0: falls): the slope of the line through its values.',
  histogram: 'Number of values in each bucket. A fact h has the buckets h.0, h.1, …, one more than there are bounds.',
};

const name = { type: 'string', minLength: 1, maxLength: 128, examples: ['temp'] } satisfies JsonSchema;

function operandSchema(aggregate: AggregateName): JsonSchema {
  const description = DESCRIPTIONS[aggregate];
  const { source, accepts } = aggregates[aggregate];
  if (source === 'condition') return { ...topConditionSchema, description };
  if (source === 'name') return { ...name, title: 'the name of a field, a label or device', description };
  if (!accepts.includes('none')) return { ...name, title: 'the name of a field', description };
  const all = { title: 'true', type: 'boolean', enum: [true] } satisfies JsonSchema;
  return { title: 'true or the name of a field', description, anyOf: [all, name], examples: [true] };
}

/** Schema of an aggregate: its source, and its parameters, which are required if they have no default. */
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

/** Schemas of the facts of a window, one for each aggregate. */
const aggregateSchemas: readonly JsonSchema[] = names.map(aggregateSchema);

/** Schema of a fact. */
export const factSchema = {
  title: 'one aggregate, running fact or calculation {"mean": "temp"}',
  description:
    'With a window: an aggregate and its field. Without a window: a running fact and its field. With both: a calculation.',
  anyOf: [...aggregateSchemas, ...derivedSchemas],
  examples: [{ mean: 'temp' }],
} satisfies JsonSchema;
