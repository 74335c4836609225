const above = (fact: string, value: number) => ({ all: [{ fact, operator: 'greaterThan', value }] });
const isDoor = (value: boolean) => ({ all: [{ fact: 'door', operator: 'equal', value }] });

/** Views: by device and site, of that one by site, of windows that end with a reading or not, of a group, and of single readings. */
export const VIEW_SAMPLES = [
  {
    name: 'pieces',
    stream: 'sensors',
    per: ['site', 'device'],
    window: { tumbling: '2s' },
    facts: { mean: { mean: 'temp' }, mode: { last: 'mode' }, opened: { last: 'door' }, n: { count: true } },
  },
  {
    name: 'sites',
    stream: 'pieces',
    per: ['site'],
    window: { hopping: '4s', every: '2s', lateness: '1s' },
    facts: { hottest: { max: 'mean' }, pieces: { count: true }, who: { distinct: 'device' } },
    priority: 2,
  },
  {
    name: 'openings',
    stream: 'sensors',
    window: { state: { from: isDoor(true), until: isDoor(false) }, max: '3s' },
    facts: { n: { count: true }, peak: { max: 'temp' } },
  },
  { name: 'steps', stream: 'meters', facts: { step: { delta: 'power' }, twice: { multiply: ['power', 2] } } },
  { name: 'everything', stream: 'sensors', per: [], window: { tumbling: '3s' }, facts: { n: { count: true } } },
];

/** Rules over each of them, open to fire often. */
export const OVER_VIEWS = [
  { name: 'hot-piece', stream: 'pieces', conditions: above('mean', 5) },
  {
    name: 'hot-piece-d1',
    stream: 'pieces',
    where: { all: [{ fact: 'device', operator: 'equal', value: 'd1' }] },
    conditions: above('mean', 4),
  },
  { name: 'piece-moves', stream: 'pieces', facts: { by: { delta: 'mean' } }, conditions: above('by', 1) },
  {
    name: 'pieces-of-device',
    stream: 'pieces',
    per: ['device'],
    window: { session: '3s' },
    facts: { n: { sum: 'n' } },
    conditions: above('n', 2),
  },
  { name: 'hot-sites', stream: 'sites', conditions: above('hottest', 6), for: '1s' },
  {
    name: 'hot-everywhere',
    stream: 'sites',
    per: [],
    window: { tumbling: '6s' },
    facts: { hottest: { max: 'hottest' } },
    conditions: above('hottest', 7),
  },
  { name: 'long-opening', stream: 'openings', conditions: above('n', 1) },
  {
    name: 'step-sum',
    stream: 'steps',
    window: { count: 2 },
    facts: { up: { sum: 'step' } },
    conditions: above('up', 2),
  },
  { name: 'busy', stream: 'everything', conditions: above('n', 3), keepFiring: '2s' },
];
