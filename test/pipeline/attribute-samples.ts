import fc from 'fast-check';
import type { Script } from './kit.ts';

const aboveLimit = (fact: string) => ({
  fact,
  operator: 'greaterThan',
  value: { fact: 'device.limits.temp' },
});

/** Rules that look at attributes of devices in every place where they may. */
export const ATTRIBUTE_SAMPLES = [
  {
    name: 'over-limit',
    stream: 'sensors',
    per: ['site'],
    conditions: { all: [aboveLimit('temp')] },
  },
  {
    name: 'over-margin',
    stream: 'sensors',
    where: { all: [{ fact: 'device.model', operator: 'notEqual', value: 'B' }] },
    facts: { margin: { subtract: ['device.limits.temp', 'temp'] } },
    levels: [
      { severity: 'info', conditions: { all: [{ fact: 'margin', operator: 'lessThan', value: 3 }] } },
      {
        severity: 'critical',
        conditions: {
          any: [
            { fact: 'margin', operator: 'lessThan', value: 0 },
            { fact: 'device.model', operator: 'changed', value: true },
          ],
        },
      },
    ],
  },
  {
    name: 'mean-over-limit',
    stream: 'sensors',
    per: ['site', 'device'],
    window: { tumbling: '3s', lateness: '1s' },
    facts: {
      mean: { mean: 'temp' },
      over: { share: { all: [aboveLimit('temp')] } },
      models: { distinct: 'device.model' },
      part: { divide: ['mean', 'device.limits.temp'] },
    },
    conditions: {
      any: [aboveLimit('mean'), { fact: 'over', operator: 'greaterThan', value: 0.5 }],
    },
    clear: { all: [{ fact: 'device.limits.temp', operator: 'greaterThan', value: 3 }] },
  },
  {
    name: 'both-over-limit',
    stream: 'sensors',
    with: { stream: 'meters', last: '10s' },
    window: { tumbling: '2s' },
    facts: { temp: { max: 'temp' }, power: { max: 'meters.power' } },
    conditions: { all: [aboveLimit('temp'), { fact: 'power', operator: 'greaterThan', value: 1 }] },
  },
  {
    name: 'share-over-limit',
    stream: 'sensors',
    per: [],
    window: { hopping: '4s', every: '2s' },
    facts: { over: { share: { all: [aboveLimit('temp')] } } },
    conditions: { all: [{ fact: 'over', operator: 'greaterThan', value: 0.3 }] },
  },
];

/** A device gets other attributes, or loses them. */
export const attributes: fc.Arbitrary<(script: Script) => void> = fc
  .record({
    device: fc.constantFrom('d1', 'd2', 'dé |\\', 'unheard-of'),
    has: fc.option(
      fc.record(
        {
          limits: fc.record({ temp: fc.oneof(fc.integer({ min: 1, max: 7 }), fc.constantFrom('high', null)) }),
          model: fc.constantFrom('A', 'B'),
        },
        { requiredKeys: [] },
      ),
      { freq: 6, nil: undefined },
    ),
  })
  .map(
    ({ device, has }) =>
      (script) =>
        script.attributes(device, has),
  );
