const above = (fact: string, value: number) => ({ all: [{ fact, operator: 'greaterThan', value }] });

/** Rules with aggregates that have parameters, read something else than a field, or give several facts. */
export const AGGREGATE_SAMPLES = [
  {
    name: 'quantiles',
    stream: 'sensors',
    window: { hopping: '6s', every: '2s', lateness: '1s' },
    facts: { median: { median: 'temp' }, p90: { percentile: 'temp', p: 90 }, slope: { slope: 'temp', per: '1m' } },
    conditions: above('p90', 6),
  },
  {
    name: 'held',
    stream: 'sensors',
    window: { tumbling: '4s', lateness: '2s' },
    facts: {
      held: { timeWeightedMean: 'temp' },
      open: { share: { all: [{ fact: 'door', operator: 'equal', value: true }] } },
    },
    conditions: { any: [above('held', 5), above('open', 0.5)] },
  },
  {
    name: 'mixed',
    stream: 'sensors',
    per: ['site'],
    window: { hopping: '6s', every: '3s' },
    facts: {
      devices: { distinct: 'device' },
      sites: { distinct: 'site' },
      modes: { distinct: 'mode' },
      temps: { histogram: 'temp', bounds: [0, 5] },
    },
    conditions: { any: [above('devices', 1), above('temps.2', 1)] },
    keepFiring: '1s',
  },
];
