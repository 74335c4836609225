const above = (fact: string, value: number) => ({ all: [{ fact, operator: 'greaterThan', value }] });
const below = (fact: string, value: number) => ({ all: [{ fact, operator: 'lessThan', value }] });

/** Rules with every way in which alerts begin, end and are published; each can fire often. Scripts begin at noon, UTC. */
export const ALERT_SAMPLES = [
  { name: 'often', stream: 'sensors', conditions: above('temp', 5), for: { matches: 2, of: 3 }, repeat: '3s' },
  {
    name: 'ladder',
    stream: 'sensors',
    levels: [
      { severity: 'info', conditions: above('temp', 4) },
      { severity: 'warning', conditions: above('temp', 6), clear: below('temp', 5), for: '1s' },
      { severity: 'critical', conditions: above('temp', 8), clear: below('temp', 6), for: { matches: 2, of: 4 } },
    ],
    keepFiring: '1s',
    flapping: { changes: 3, within: '5s' },
    repeat: '4s',
  },
  {
    name: 'few',
    stream: 'sensors',
    conditions: above('temp', 6),
    limit: { alerts: 2, per: '4s' },
    repeat: '5s',
    flapping: { changes: 3, within: '4s' },
  },
  {
    name: 'few-sites',
    stream: 'sensors',
    per: ['site'],
    conditions: above('temp', 7),
    limit: { alerts: 1, per: '3s' },
  },
  { name: 'gap', stream: 'sensors', conditions: above('temp', 5), for: { matches: 1, of: 2 }, resolveAfter: '2s' },
  {
    name: 'some-minutes',
    stream: 'sensors',
    conditions: above('temp', 5),
    active: [
      { from: '12:00', to: '12:01', timeZone: 'UTC' },
      { days: ['sat'], from: '13:02', to: '13:03', timeZone: 'Europe/Berlin' },
    ],
    resolveAfter: '10s',
  },
  {
    name: 'mean-ladder',
    stream: 'sensors',
    per: ['site'],
    window: { tumbling: '2s' },
    facts: { mean: { mean: 'temp' } },
    levels: [
      { severity: 'warning', conditions: above('mean', 3) },
      { severity: 'critical', conditions: above('mean', 6) },
    ],
    limit: { alerts: 1, per: '5s' },
    active: { from: '12:00', to: '12:01', timeZone: 'UTC' },
  },
  {
    name: 'silent-later',
    stream: 'sensors',
    silence: '2s',
    active: { from: '12:01', timeZone: 'UTC' },
    repeat: '3s',
    limit: { alerts: 2, per: '4s' },
  },
];
