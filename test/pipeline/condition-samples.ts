/** What the rules below refer to by name. */
export const SHARED = {
  conditions: {
    isHot: { all: [{ fact: 'temp', operator: 'between', value: [5, 9] }] },
    isWatched: { any: [{ fact: 'device', operator: 'inList', value: 'watched' }, { condition: 'isHot' }] },
  },
  lists: { watched: ['d1', 'dé |\\'] },
};

const isAbove = (fact: string, value: number) => ({ fact, operator: 'greaterThan', value });

/** Rules with operators beside the library's, one of which remembers; with facts without a value, and in either order of readings. */
export const CONDITION_SAMPLES = [
  {
    name: 'cool-or-closed',
    stream: 'sensors',
    conditions: { not: { any: [isAbove('temp', 6), { fact: 'door', operator: 'equal', value: true }] } },
    clear: { any: [isAbove('temp', 7), { fact: 'mode', operator: 'equal', value: 'on' }] },
  },
  {
    name: 'not-off-by-library',
    stream: 'sensors',
    missing: 'undefined',
    facts: { row: { inARow: { all: [{ fact: 'mode', operator: 'notEqual', value: 'off' }] } } },
    conditions: { all: [isAbove('row', 1), { fact: 'door', operator: 'notEqual', value: true }] },
  },
  {
    name: 'without-door',
    stream: 'sensors',
    per: ['site'],
    conditions: { all: [{ fact: 'door', operator: 'present', value: false }, { not: isAbove('temp', 3) }] },
    for: { matches: 2, of: 3 },
  },
  {
    name: 'known-levels',
    stream: 'sensors',
    window: { tumbling: '3s' },
    facts: { mean: { mean: 'temp' }, shut: { share: { all: [{ fact: 'door', operator: 'equal', value: false }] } } },
    levels: [
      { severity: 'info', conditions: { all: [isAbove('mean', 2)] } },
      { severity: 'critical', conditions: { all: [isAbove('shut', 0.5)] }, clear: { not: isAbove('mean', 5) } },
    ],
  },
  {
    name: 'hot-by-arrival',
    stream: 'sensors',
    order: 'arrival',
    levels: [
      { severity: 'info', conditions: { all: [isAbove('temp', 4)] } },
      { severity: 'critical', conditions: { all: [isAbove('temp', 8)] }, for: '1s' },
    ],
    keepFiring: '1s',
  },
  {
    name: 'switched-by-arrival',
    stream: 'sensors',
    per: ['site'],
    order: 'arrival',
    facts: { twice: { multiply: ['temp', 2] } },
    conditions: { any: [{ fact: 'mode', operator: 'equal', value: 'on' }, isAbove('twice', 17)] },
  },
  {
    name: 'switched',
    stream: 'sensors',
    conditions: { all: [{ fact: 'mode', operator: 'changed', value: true }] },
  },
  {
    name: 'settled',
    stream: 'sensors',
    per: ['site'],
    facts: { rise: { delta: 'temp' }, way: { max: [-1, { min: [1, 'rise'] }] } },
    levels: [
      { severity: 'info', conditions: { any: [{ fact: 'way', operator: 'changed', value: true }] } },
      {
        severity: 'critical',
        conditions: {
          all: [
            { fact: 'door', operator: 'not:changed', value: true },
            { fact: 'temp', operator: 'changed', value: true },
          ],
        },
      },
    ],
  },
  {
    name: 'count-changed',
    stream: 'sensors',
    window: { tumbling: '3s' },
    facts: { n: { count: true }, last: { last: 'mode' } },
    conditions: {
      any: [
        { fact: 'n', operator: 'changed', value: true },
        { fact: 'last', operator: 'changed', value: true },
      ],
    },
    clear: { all: [{ fact: 'n', operator: 'changed', value: false }] },
  },
  {
    name: 'watched',
    stream: 'sensors',
    where: { all: [{ fact: 'device', operator: 'matches', value: '^d(\\d|é)' }] },
    conditions: {
      all: [{ condition: 'isWatched' }, { fact: 'mode', operator: 'someValue:startsWith', value: ['o', 'x'] }],
    },
    clear: { not: { condition: 'isHot' } },
  },
];
