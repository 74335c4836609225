const above = (fact: string, value: unknown) => ({ fact, operator: 'greaterThan', value });
// biome-ignore lint/suspicious/noThenProperty: the word that authors of rules write.
const then = (condition: object, within: string) => ({ then: { all: [condition] }, within });

/** Rules over two streams, by last known values and within windows, by device and all together, each open to fire often. */
export const CORRELATION_SAMPLES = [
  {
    name: 'near',
    with: { stream: 'meters', last: '2s' },
    conditions: { all: [above('temp', 3), above('meters.power', 3)] },
  },
  {
    name: 'near-shared',
    with: { stream: 'meters', last: '2s' },
    window: { tumbling: '3s', lateness: '1s' },
    facts: { load: { mean: 'meters.power' }, n: { count: 'meters.power' }, temp: { max: 'temp' } },
    conditions: { all: [above('load', 4)] },
  },
  {
    name: 'near-all',
    stream: 'meters',
    with: { stream: 'sensors', last: '4s' },
    per: [],
    facts: { step: { delta: 'sensors.temp' }, sum: { add: ['power', 'sensors.temp'] } },
    conditions: { any: [above('step', 2), { fact: 'sensors.mode', operator: 'changed', value: true }] },
    clear: { all: [{ fact: 'sum', operator: 'lessThan', value: 8 }] },
  },
  {
    name: 'near-limit',
    with: { stream: 'meters', last: '1h' },
    conditions: { all: [above('temp', { fact: 'device.limits.temp' }), above('meters.power', 2)] },
  },
  {
    name: 'both',
    with: { stream: 'meters' },
    window: { tumbling: '3s', lateness: '1s' },
    facts: { temp: { mean: 'temp' }, power: { max: 'meters.power' }, product: { multiply: ['temp', 'power'] } },
    conditions: { all: [above('product', 12)] },
  },
  {
    name: 'both-all',
    with: { stream: 'meters' },
    per: [],
    window: { sliding: '2s', lateness: '500ms' },
    facts: { both: { share: { any: [above('meters.power', 4), above('temp', 4)] } }, sites: { distinct: 'site' } },
    conditions: { all: [above('both', 0.5), above('sites', 0)] },
  },
  {
    name: 'followed',
    with: { stream: 'meters' },
    sequence: [{ all: [above('meters.power', 3)] }, then(above('temp', 3), '4s')],
    keepFiring: '1s',
  },
  {
    name: 'above-mean',
    with: { stream: 'pieces', last: '6s' },
    per: ['site', 'device'],
    conditions: { all: [above('temp', { fact: 'pieces.mean' })] },
  },
  {
    name: 'steps-and-heat',
    stream: 'steps',
    with: { stream: 'sensors' },
    window: { tumbling: '3s' },
    facts: { up: { max: 'step' }, temp: { max: 'sensors.temp' } },
    conditions: { all: [above('temp', 4), above('up', 0)] },
  },
  {
    name: 'heat-and-pieces',
    with: { stream: 'pieces' },
    per: ['site'],
    window: { session: '2s', lateness: '2s' },
    facts: { pieces: { count: 'pieces.n' }, who: { distinct: 'device' } },
    conditions: { all: [above('pieces', 0), above('who', 0)] },
  },
  {
    name: 'joint-high',
    stream: 'joint',
    with: { stream: 'sites', last: '8s' },
    per: [],
    conditions: { all: [above('power', 2), above('sites.hottest', 3)] },
  },
].map((rule) => ({ stream: 'sensors', ...rule }));

/** A view over two streams. */
export const CORRELATION_VIEWS = [
  {
    name: 'joint',
    stream: 'sensors',
    with: { stream: 'meters', last: '3s' },
    window: { tumbling: '2s' },
    facts: { power: { max: 'meters.power' }, temp: { mean: 'temp' } },
  },
];
