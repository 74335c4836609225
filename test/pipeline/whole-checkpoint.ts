import { createScript, type Script, type Setup, START_AT, setUp } from './kit.ts';

/** Everything that a state may hold of a kind, for a checkpoint of an older version. */
export const SETUP: Setup = setUp(
  [
    { name: 'hot', stream: 'sensors', conditions: above('temp', 50), event: { type: 'hot' } },
    {
      name: 'many',
      stream: 'sensors',
      per: ['site'],
      window: { tumbling: '10s' },
      facts: { n: { count: true } },
      conditions: above('n', 2),
      event: { type: 'many' },
    },
    {
      name: 'open-and-warm',
      stream: 'sensors',
      with: { stream: 'doors', last: '1m' },
      conditions: { all: [{ fact: 'doors.open', operator: 'equal', value: true }, ...above('temp', 8).all] },
      event: { type: 'open-and-warm' },
    },
    {
      name: 'jump',
      stream: 'sensors',
      facts: { step: { delta: 'temp' } },
      conditions: above('step', 5),
      event: { type: 'jump', params: { message: '{{device.model}}' } },
    },
  ],
  {
    attributes: { bucket: 'weir_attributes' },
    streams: {
      sensors: {
        topic: 'plant/{site}/{device}/data',
        format: 'json',
        time: { path: 'ts', unit: 'ms' },
        sequence: 'seq',
        fields: { temp: 'number' },
      },
      doors: {
        topic: 'doors/{device}',
        format: 'json',
        time: { path: 'ts', unit: 'ms' },
        fields: { open: 'boolean' },
      },
    },
  },
);

function above(fact: string, value: number) {
  return { all: [{ fact, operator: 'greaterThan', value }] };
}

/** What came before the checkpoint, and behind it. */
export function write(): { readonly before: Script['records']; readonly behind: Script['records'] } {
  const script = createScript();
  const send = (seq: number, temp: number) => {
    script.now = seq * 1_000;
    script.reading('d1', { seq, temp });
  };
  script.attributes('d1', { model: 'X' });
  script.message('doors/d1', JSON.stringify({ ts: START_AT, open: true }));
  send(1, 60);
  send(2, 7);
  script.mark('cut');
  const done = script.records.length;
  send(2, 7);
  send(3, 9);
  send(4, 70);
  script.tickUntil(30_000);
  script.mark('cut');
  return { before: script.records.slice(0, done), behind: script.records.slice(done) };
}
