import fc from 'fast-check';
import { type Script, START_AT } from './kit.ts';

const above = (fact: string, value: number) => ({ all: [{ fact, operator: 'greaterThan', value }] });

/** A stream whose devices number their readings, and send several with a message. */
export const NUMBERED_STREAM = {
  topic: 'pumps/{device}',
  format: 'json',
  each: '$',
  time: { path: 'ts', unit: 'ms' },
  sequence: { path: 'seq', modulus: 256 },
  fields: { flow: 'number' },
};

/** Rules to which a reading that counts twice makes a difference. */
export const NUMBERED_SAMPLES = [
  { name: 'flowing', stream: 'pumps', conditions: above('flow', 6) },
  {
    name: 'pumped',
    stream: 'pumps',
    window: { tumbling: '3s' },
    facts: { n: { count: true }, sum: { sum: 'flow' } },
    conditions: above('n', 1),
  },
];

/** Numbers with gaps, duplicates, disorder, wraps and restarts: what one number means changes every four seconds. */
export const numbered: fc.Arbitrary<(script: Script) => void> = fc
  .record({
    device: fc.constantFrom('p1', 'p2'),
    connection: fc.constantFrom(0, 0, 1),
    readings: fc.array(fc.record({ seq: fc.oneof(fc.nat(6), fc.nat(255)), flow: fc.nat(10) }), {
      minLength: 1,
      maxLength: 4,
    }),
  })
  .map(({ device, connection, readings }) => (script) => {
    const from = START_AT + Math.floor(script.now / 4_000) * 4_000;
    const payload = readings.map(({ seq, flow }) => ({ seq, flow, ts: from + seq * 10 }));
    script.message(`pumps/${device}`, JSON.stringify(payload), connection);
  });
