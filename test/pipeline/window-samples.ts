const above = (fact: string, value: number) => ({ all: [{ fact, operator: 'greaterThan', value }] });
const isDoor = (value: boolean) => ({ all: [{ fact: 'door', operator: 'equal', value }] });
const facts = { sum: { sum: 'temp' }, n: { count: true }, last: { last: 'mode' }, peak: { max: 'temp' } };

/** A rule over each kind of window that takes readings in order, by device and by group, each open to fire often. */
export const WINDOW_SAMPLES = [
  { name: 'slide', window: { sliding: '3s' }, conditions: above('sum', 12) },
  { name: 'slide-patient', window: { sliding: '2500ms', lateness: '1s' }, conditions: above('peak', 7), for: '1s' },
  { name: 'slide-site', per: ['site'], window: { sliding: '2s', lateness: '500ms' }, conditions: above('n', 2) },
  { name: 'session', window: { session: '2s', max: '5s', lateness: '800ms' }, conditions: above('n', 2) },
  { name: 'session-strict', window: { session: '3s' }, conditions: above('sum', 8), keepFiring: '1s' },
  { name: 'session-all', per: [], window: { session: '1s', max: '20s', lateness: '300ms' }, conditions: above('n', 4) },
  { name: 'counted', window: { count: 4, every: 2, lateness: '1s' }, conditions: above('sum', 18) },
  { name: 'counted-site', per: ['site', 'device'], window: { count: 3 }, conditions: above('sum', 12) },
  {
    name: 'open',
    window: { state: { from: isDoor(true), until: isDoor(false) }, max: '6s', lateness: '800ms' },
    conditions: above('n', 2),
  },
  {
    name: 'open-site',
    per: ['site'],
    window: { state: { from: above('temp', 6), until: isDoor(false) }, max: '8s' },
    conditions: above('sum', 15),
  },
].map((rule) => ({ stream: 'sensors', facts, ...rule }));
