/** A rule that uses every key of the language but `silence`. */
export const overheating = {
  $schema: './rule.schema.json',
  name: 'overheating',
  description: 'Mean temperature above 45 °C for half a minute.',
  stream: 'sensors',
  per: ['device'],
  where: { all: [{ fact: 'site', operator: 'notEqual', value: 'lab' }] },
  window: { tumbling: '10s', lateness: '5s' },
  facts: { meanTemp: { mean: 'temp' }, peak: { max: 'temp' }, n: { count: true }, seen: { count: 'temp' } },
  conditions: {
    all: [
      { fact: 'meanTemp', operator: 'greaterThan', value: 45 },
      { fact: 'n', operator: 'greaterThanInclusive', value: 3 },
      {
        any: [
          { fact: 'peak', operator: 'lessThan', value: { fact: 'meanTemp' } },
          { not: { fact: 'n', operator: 'in', value: [1, 2] } },
        ],
      },
    ],
  },
  for: '30s',
  clear: { all: [{ fact: 'meanTemp', operator: 'lessThan', value: 40 }] },
  keepFiring: '1m',
  event: { type: 'overheating', params: { severity: 'critical', message: '{{device}} averages {{meanTemp}} °C' } },
  priority: 2,
} as const;
