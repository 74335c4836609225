import pino from 'pino';
import { describe, expect, it } from 'vitest';
import type { Inbound } from '../../engine/ports.ts';
import type { Fullness } from '../../engine/runtime/backpressure.ts';
import { createIntake } from '../../engine/runtime/intake.ts';
import { createCounters } from '../../engine/telemetry.ts';

const inbound = (text: string, qos: 0 | 1 | 2 = 1): Inbound => ({
  topic: 't',
  payload: Buffer.from(text),
  qos,
  retain: false,
  dup: false,
  packetId: qos === 0 ? 0 : 7,
});

function fixture() {
  const counters = createCounters();
  const journal: string[] = [];
  const acknowledged: string[] = [];
  const lines: Record<string, unknown>[] = [];
  const clock = { at: 0, now: () => clock.at, steady: () => clock.at };
  let fullest: Fullness = { name: 'nothing', level: 0 };
  const intake = createIntake({
    clock,
    appendMessages: (connection, messages, acknowledge) => {
      for (const { payload } of messages) journal.push(`${connection} ${Buffer.from(payload)}`);
      acknowledge();
    },
    append: (marks) => {
      for (const record of marks) if (record.kind === 'mark') journal.push(`${record.connection} ${record.mark}`);
    },
    fullest: () => fullest,
    figures: () => ({}),
    counters,
    log: pino({ base: null }, { write: (line: string) => lines.push(JSON.parse(line)) }),
  });
  const setLevel = (level: number, name = 'the journal is full') => {
    fullest = { name, level };
    intake.regulate();
  };
  const send = (name: string, connection: number, ...messages: Inbound[]) =>
    intake.messages(connection, messages, () => acknowledged.push(name));
  const appended = () => journal.splice(0);
  return { intake, counters, clock, acknowledged, lines, setLevel, send, appended };
}

describe('an intake', () => {
  it('appends every message while it is open', () => {
    const { intake, send, appended, acknowledged, setLevel } = fixture();
    intake.mark(0, 'connected');
    setLevel(0.99);
    send('a', 0, inbound('1'), inbound('2', 0));
    expect(appended()).toEqual(['0 connected', '0 1', '0 2']);
    expect(acknowledged).toEqual(['a']);
    expect(intake.status()).toEqual({ name: 'intake', ready: true });
  });

  it('while it is stopped, it buffers QoS 1 and 2 in order and sheds QoS 0; when it resumes, it appends the buffered messages', () => {
    const { intake, send, appended, acknowledged, setLevel, counters } = fixture();
    intake.mark(0, 'connected');
    intake.mark(1, 'connected');
    setLevel(1);
    appended();
    send('a', 0, inbound('1'), inbound('2', 0), inbound('3', 2));
    send('b', 1, inbound('4'));
    send('c', 0, inbound('5', 0));
    send('d', 0, inbound('6'));
    expect(intake.paused).toBe(true);
    expect(appended()).toEqual([]);
    // Messages of QoS 0 only need not wait.
    expect(acknowledged).toEqual(['c']);
    expect(counters.messages_shed).toBe(2);
    setLevel(0.5);
    expect(appended()).toEqual([]);
    setLevel(0.49);
    expect(appended()).toEqual(['0 connected', '1 connected', '0 1', '0 3', '1 4', '0 6']);
    expect(acknowledged).toEqual(['c', 'a', 'b', 'd']);
    expect(intake.paused).toBe(false);
    send('e', 0, inbound('7', 0));
    expect(appended()).toEqual(['0 7']);
  });

  it('buffers copies, so that a message does not keep the whole socket read in memory', () => {
    const { send, appended, setLevel } = fixture();
    setLevel(1);
    const read = Buffer.from('12345678');
    send('a', 0, { ...inbound(''), payload: read.subarray(0, 2) });
    read.fill('x');
    setLevel(0);
    expect(appended()).toContain('0 12');
  });

  it('keeps buffered messages across a reconnect, and appends them when it resumes', () => {
    const { intake, send, appended, setLevel } = fixture();
    intake.mark(0, 'connected');
    setLevel(1);
    expect(appended()).toEqual(['0 connected', '-1 disconnected']);
    send('a', 0, inbound('1'));
    intake.mark(0, 'disconnected');
    intake.mark(0, 'connected');
    send('b', 0, { ...inbound('1'), dup: true });
    expect(appended()).toEqual(['0 disconnected']);
    setLevel(0);
    expect(appended()).toEqual(['0 connected', '0 1', '0 1']);
  });

  it('appends the buffered messages of a session before the mark that the session is lost', () => {
    const { intake, send, appended, setLevel, acknowledged } = fixture();
    setLevel(1);
    appended();
    send('a', 0, inbound('1'));
    send('b', 1, inbound('2'));
    intake.mark(0, 'session-lost');
    expect(appended()).toEqual(['0 1', '0 session-lost']);
    expect(acknowledged).toEqual(['a']);
    send('c', 0, inbound('3'));
    setLevel(0);
    expect(appended()).toEqual(['1 2', '0 3']);
  });

  it('appends the buffered messages at the end, although it is stopped', () => {
    const { intake, send, appended, setLevel, acknowledged } = fixture();
    setLevel(1);
    appended();
    send('a', 0, inbound('1'));
    intake.flush();
    expect(appended()).toEqual(['0 1']);
    expect(acknowledged).toEqual(['a']);
    intake.flush();
    expect(appended()).toEqual([]);
  });

  it('reports why it is stopped and how much is shed, and logs one line at the beginning and one at the end', () => {
    const { intake, send, setLevel, clock, counters, lines } = fixture();
    const said = () => lines.splice(0).map(({ msg, shed }) => (shed === undefined ? msg : `${msg}: ${shed}`));
    clock.at = Date.UTC(2026, 0, 31);
    setLevel(1);
    setLevel(1, 'the disk is nearly full');
    expect(intake.status()).toEqual({ name: 'intake', ready: false, reason: 'stopped: the disk is nearly full' });
    expect(said()).toEqual([
      'intake stopped: the journal is full; QoS 0 messages are shed, QoS 1 and 2 messages wait at the broker',
    ]);
    for (let i = 0; i < 3; i++) send('a', 0, inbound('1', 0));
    setLevel(1);
    const shed = 'QoS 0 messages are shed: 3 since 2026-01-31T00:00:00.000Z';
    expect(intake.status()).toMatchObject({ ready: false, reason: `stopped: the journal is full; ${shed}` });
    expect(said()).toEqual(['QoS 0 messages are shed and lost: they arrive faster than Weir can store them']);
    setLevel(0);
    // Now the source sheds messages.
    clock.at += 9_000;
    counters.messages_shed += 4;
    setLevel(0);
    clock.at += 9_000;
    setLevel(0);
    expect(intake.status()).toEqual({ name: 'intake', ready: true, reason: shed.replace('3', '7') });
    expect(said()).toEqual(['intake resumed']);
    clock.at += 1_000;
    setLevel(0);
    expect(intake.status()).toEqual({ name: 'intake', ready: true });
    expect(said()).toEqual(['QoS 0 messages are no longer shed: 7']);
  });
});
