import { describe, expect, it } from 'vitest';
import type { Piece } from '../../engine/state/pieces.ts';
import { restore } from '../../engine/state/snapshot.ts';
import { changes, createScript, piecesOf, play, type Script, START_AT, setUp, startFold, takeApart } from './kit.ts';

const STREAM = {
  topic: 'plant/{site}/{device}/data',
  format: 'json',
  time: { path: 'ts', unit: 'ms' },
  sequence: 'seq',
  fields: { temp: 'number' },
};
const MQTT = ['one', 'two'].map((name) => ({ name, url: `mqtt://${name}`, clientId: name }));
const CONFIG = { mqtt: MQTT, streams: { sensors: STREAM } };
const event = { type: 'x', params: { message: '{{device}}' } };
const above = (fact: string, value: unknown) => ({ all: [{ fact, operator: 'greaterThan', value }] });
const RULES = [
  { name: 'hot', stream: 'sensors', conditions: above('temp', 50), clear: above('temp', 99), event },
  {
    name: 'many',
    stream: 'sensors',
    window: { tumbling: '10s' },
    facts: { n: { count: true } },
    conditions: above('n', 3),
    event,
  },
  { name: 'silent', stream: 'sensors', silence: '5s', event },
];
const setup = setUp(RULES, CONFIG);

/** Number `seq`, a second behind the one before. */
function send(script: Script, seq: number, sent: { readonly connection?: number; readonly temp?: number } = {}): void {
  const { connection = 0, temp = 20 } = sent;
  script.message('plant/north/d1/data', JSON.stringify({ ts: START_AT + seq * 1_000, seq, temp }), connection);
}

describe('a reading that comes again', () => {
  it('is stored once, counts once in windows, and fires nothing twice', () => {
    const script = createScript(2);
    for (let seq = 0; seq < 3; seq++) {
      script.tickUntil(seq * 1_000);
      for (let times = 0; times < 5; times++) send(script, seq, { temp: 60 });
    }
    script.tickUntil(20_000);
    const result = play(setup, script);
    expect(result.rows.sensors!.map((row) => row.time)).toEqual([0, 1_000, 2_000].map((ms) => START_AT + ms));
    expect(changes(result, 'many')).toEqual([]);
    expect(changes(result, 'hot')).toEqual(['firing 0']);
    expect(result.counters).toMatchObject({ readings: 15, readings_repeated: 12, readings_missed: 0, rejected: 0 });
  });

  it('is known by whatever broker it comes, however it is written, and beside others in a message', () => {
    const each = { ...STREAM, topic: 'plant/{device}', each: '$' };
    const script = createScript(2);
    const of = (...seqs: number[]) => seqs.map((seq) => ({ ts: START_AT + seq, seq, temp: seq }));
    script.message('plant/d1', JSON.stringify(of(0, 1)), 0);
    script.message('plant/d1', JSON.stringify(of(1, 0, 2), null, 1), 1);
    script.message('plant/d1', JSON.stringify([...of(2), { seq: 3, ts: START_AT }, ...of(4)]), 0);
    script.message('plant/d2', JSON.stringify(of(1)), 0);
    const result = play(setUp([], { ...CONFIG, streams: { sensors: each } }), script);
    const stored = result.rows.sensors!.map((row) => `${row.device} ${row.temp}`);
    expect(stored).toEqual(['d1 0', 'd1 1', 'd1 2', 'd1 4', 'd2 1']);
    expect(result.rows.dead_letters).toMatchObject([{ reason: 'no-fields' }]);
    expect(result.counters).toMatchObject({ readings_repeated: 3 });
  });

  it('is no sign of life', () => {
    const script = createScript(2);
    script.tickUntil(1_000);
    send(script, 1);
    for (let second = 2; second < 10; second++) {
      script.tickUntil(second * 1_000);
      send(script, 1);
    }
    expect(changes(play(setup, script), 'silent')).toEqual(['firing 6000']);
  });

  it('is known behind a checkpoint, by what that holds', () => {
    const script = createScript(2);
    for (let seq = 0; seq < 5; seq++) send(script, seq);
    script.mark('cut');
    const before = startFold(setup);
    before.feed(script.records);
    const cut = script.records.length;
    for (let seq = 3; seq < 7; seq++) send(script, seq, { connection: 1 });
    script.mark('cut');
    const behind = startFold(setup, before.checkpoint());
    behind.feed(script.records.slice(cut));
    expect(takeApart(setup, behind.outputs).rows.sensors!.map((row) => row.time)).toEqual([
      START_AT + 5_000,
      START_AT + 6_000,
    ]);
    expect(behind.counters.readings_repeated).toBe(2);
  });
});

describe('a checkpoint', () => {
  const before = startFold(setup);
  const script = createScript(2);
  send(script, 1);
  before.feed(script.records);
  const checkpoint = before.checkpoint();
  const restoreWith = (sequence: unknown) => {
    const { sequence: _, ...unnumbered } = STREAM;
    const stream = sequence === undefined ? unnumbered : { ...unnumbered, sequence };
    const { plan } = setUp(RULES, { ...CONFIG, streams: { sensors: stream } });
    const { state, dropped } = restore(plan, ['one', 'two'], piecesOf(checkpoint));
    const numbered = [...state.streams[0]!.devices.values()].filter(({ numbering }) => numbering !== undefined);
    return { devices: numbered.map(({ text }) => text), dropped };
  };

  it('is taken over where the stream has the same sequence', () => {
    expect(restoreWith({ path: 'seq' })).toEqual({ devices: ['d1'], dropped: [] });
  });

  it.each([undefined, 'n', { path: 'seq', modulus: 256 }])('is left out, and counted, where it is %j', (sequence) => {
    expect(restoreWith(sequence)).toEqual({ devices: [], dropped: ['sequence numbers of sensors'] });
  });

  it('says nothing of sequences where there is none, and may be older than they are', () => {
    const plain = startFold(setUp(RULES));
    plain.feed(script.records);
    expect(plain.checkpoint()).not.toContain('sequence');
    const older = piecesOf(checkpoint).flatMap((piece): Piece[] => {
      if (piece[0] === 'device') {
        const { numbering, ...device } = piece[1];
        expect(numbering).toBeDefined();
        return [['device', device, piece[2]]];
      }
      if (piece[0] !== 'stream') return [piece];
      const { sequence: _, ...head } = piece[1];
      return [['stream', head]];
    });
    const restored = startFold(setup, older.map((piece) => JSON.stringify(piece)).join('\n'));
    expect(restored.state.streams[0]!.devices.get('d1')!.numbering).toBeUndefined();
    expect(restored.state.streams[0]!.devices.size).toBe(1);
  });
});

describe('a reading that never comes', () => {
  it('is counted once its number is 64 behind, and not if the device restarts', () => {
    const script = createScript(2);
    for (let seq = 0; seq < 100; seq++) if (seq !== 7 && seq !== 8 && seq !== 90) send(script, seq);
    script.tickUntil(200_000);
    for (let seq = 0; seq < 3; seq++) {
      script.message('plant/north/d1/data', JSON.stringify({ ts: START_AT + 200_000 + seq, seq, temp: 1 }));
    }
    const { counters, rows } = play(setup, script);
    expect(counters).toMatchObject({ readings: 100, readings_repeated: 0, readings_missed: 2 });
    expect(rows.sensors).toHaveLength(100);
    expect(new Set(rows.sensors!.map((row) => row.id)).size).toBe(100);
  });
});

describe('a stream without a sequence', () => {
  it('is every one that the engine makes itself, whatever it is made of', () => {
    const view = { name: 'counted', stream: 'sensors', window: { tumbling: '10s' }, facts: { n: { count: true } } };
    const over = { name: 'over', stream: 'counted', conditions: above('n', 1), event };
    const both = { name: 'both', stream: 'sensors', with: { stream: 'counted', last: '1m' }, event };
    const { plan } = setUp([view, over, { ...both, conditions: above('temp', { fact: 'counted.n' }) }], CONFIG);
    expect(plan.streams.map(({ config }) => config.sequence)).toEqual([{ path: 'seq' }, undefined, undefined]);
  });

  it('takes every reading, and keeps no count', () => {
    const script = createScript();
    for (let i = 0; i < 3; i++) send(script, 1);
    const fold = startFold(setUp([]));
    fold.feed(script.records);
    expect(fold.counters).toMatchObject({ readings: 3, readings_repeated: 0 });
    expect(fold.state.streams[0]!.devices.get('d1')!.numbering).toBeUndefined();
  });
});
