/** What the rules below refer to by name. */
export const SHARED = {
  conditions: {
    isHot: { all: [{ fact: 'temp', operator: 'between', value: [5, 9] }] },
    isWatched: { any: [{ fact: 'device', operator: 'inList', value: 'watched' }, { condition: 'isHot' }] },
  },
  lists: { watched: ['d1', 'dé |\\'] },
};

/** Rules with operators beside the library's, one of which remembers. */
export const CONDITION_SAMPLES = [
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
