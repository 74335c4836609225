import { describe, expect, it } from 'vitest';
import type { SnapshotHead } from '../../engine/state/pieces.ts';
import { createScript, piecesOf, play, type Script, START_AT, setUp, startFold, takeApart } from './kit.ts';

const SETUP = setUp([], {
  mqtt: [
    { name: 'hall.1', url: 'mqtt://one', clientId: 'weir-1' },
    { name: 'b', url: 'mqtt://two', clientId: 'weir-1' },
  ],
});

function at(script: Script, ms: number, act: () => void): void {
  script.now = ms;
  act();
}

/** The broker comes back, and knows nothing of us. */
function loseSession(script: Script, ms: number, connection = 0): void {
  at(script, ms, () => script.mark('session-lost', connection));
  at(script, ms + 20, () => script.mark('connected', connection));
}

const told = (script: Script) => play(SETUP, script).rows.gaps!.map((row) => [row.broker, ...spanOf(row)]);
const spanOf = (row: Record<string, unknown>) =>
  [row.gap_from, row.gap_to].map((instant) => (instant as number) - START_AT);

describe('a session that the broker has lost', () => {
  it('is a gap from its last message on until we are subscribed again, published once as event and row', () => {
    const script = createScript(2);
    at(script, 1_000, () => script.reading('d1', { temp: 1 }));
    script.tickUntil(5_000);
    at(script, 5_500, () => script.mark('disconnected', 0));
    loseSession(script, 8_000);
    const { rows, events } = play(SETUP, script);
    expect(rows.gaps).toEqual([
      {
        time: START_AT + 8_020,
        broker: 'hall.1',
        reason: 'session-lost',
        gap_from: START_AT + 1_000,
        gap_to: START_AT + 8_020,
        offset: expect.any(String),
      },
    ]);
    const gaps = events.filter(({ subject }) => subject.startsWith('weir.gaps.'));
    expect(gaps).toMatchObject([
      {
        subject: 'weir.gaps.hall~2E1',
        body: {
          type: 'weir.gap',
          subject: 'hall.1',
          time: '2026-01-31T12:00:08.020Z',
          data: {
            broker: 'hall.1',
            reason: 'session-lost',
            from: '2026-01-31T12:00:01.000Z',
            to: '2026-01-31T12:00:08.020Z',
            message:
              'The broker hall.1 lost the session of Weir: messages from 2026-01-31T12:00:01.000Z to 2026-01-31T12:00:08.020Z may be missing',
          },
        },
      },
    ]);
  });

  it('leaves no gap where there was no session', () => {
    const script = createScript(0);
    loseSession(script, 1_000);
    at(script, 2_000, () => script.mark('disconnected', 0));
    at(script, 3_000, () => script.mark('connected', 0));
    expect(told(script)).toEqual([]);
  });

  it('leaves a gap since its beginning where nothing came by it, and none to another broker', () => {
    const script = createScript(2);
    at(script, 3_000, () => script.reading('d1', { temp: 1 }, { connection: 1 }));
    loseSession(script, 4_000);
    loseSession(script, 6_000);
    expect(told(script)).toEqual([
      ['hall.1', 0, 4_020],
      ['hall.1', 4_020, 6_020],
    ]);
  });

  it('leaves one gap where it is lost again before we are subscribed', () => {
    const script = createScript(2);
    at(script, 1_000, () => script.mark('session-lost', 0));
    // Retained messages may come before the subscription is confirmed.
    at(script, 1_500, () => script.reading('d1', { temp: 1 }));
    loseSession(script, 2_000);
    expect(told(script)).toEqual([['hall.1', 0, 2_020]]);
  });

  it('is only suspected if the session continues: its queue may be as old as its last message', () => {
    const script = createScript(2);
    at(script, 1_000, () => script.reading('d1', { temp: 1 }));
    at(script, 2_000, () => script.mark('disconnected', 0));
    at(script, 3_000, () => script.mark('connected', 0));
    expect(told(script)).toEqual([]);
    loseSession(script, 4_000);
    expect(told(script)).toEqual([['hall.1', 1_000, 4_020]]);
  });

  it('leaves a gap since the last message before intake stopped: those behind it had waited', () => {
    const script = createScript(2);
    at(script, 1_000, () => script.reading('d1', { temp: 1 }));
    at(script, 2_000, () => script.mark('disconnected'));
    at(script, 9_000, () => script.reading('d1', { temp: 1 }));
    loseSession(script, 9_000);
    expect(told(script)).toEqual([['hall.1', 1_000, 9_020]]);
  });

  it('is the same gap after a restart in its midst', () => {
    const script = createScript(2);
    at(script, 1_000, () => script.reading('d1', { temp: 1 }));
    script.tickUntil(2_000);
    at(script, 3_000, () => script.mark('session-lost', 0));
    script.mark('cut');
    const before = startFold(SETUP);
    before.feed(script.records);
    const rest = script.records.length;
    at(script, 3_020, () => script.mark('connected', 0));
    script.mark('cut');
    const after = startFold(SETUP, before.checkpoint());
    after.feed(script.records.slice(rest));
    expect(takeApart(SETUP, after.outputs).rows.gaps!.map(spanOf)).toEqual([[1_000, 3_020]]);
  });

  it('begins at the last tick if an older version wrote the checkpoint', () => {
    const script = createScript(2);
    script.tickUntil(2_000);
    script.mark('cut');
    const before = startFold(SETUP);
    before.feed(script.records);
    const rest = script.records.length;
    loseSession(script, 3_000);
    script.mark('cut');
    const [[, { sessions: _, ...head }]] = piecesOf(before.checkpoint()) as [['head', SnapshotHead]];
    const after = startFold(SETUP, JSON.stringify({ ...head, streams: {} }));
    after.feed(script.records.slice(rest));
    expect(takeApart(SETUP, after.outputs).rows.gaps!.map(spanOf)).toEqual([[2_000, 3_020]]);
  });
});
