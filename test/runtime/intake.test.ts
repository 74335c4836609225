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
  let pressure: Fullness = { name: 'nothing', level: 0 };
  const intake = createIntake({
    clock,
    take: (connection, messages, acknowledge) => {
      for (const { payload } of messages) journal.push(`${connection} ${Buffer.from(payload)}`);
      acknowledge();
    },
    append: (drafts) => {
      for (const draft of drafts) if (draft.kind === 'mark') journal.push(`${draft.connection} ${draft.mark}`);
    },
    fullest: () => pressure,
    figures: () => ({}),
    counters,
    log: pino({ base: null }, { write: (line: string) => lines.push(JSON.parse(line)) }),
  });
  const press = (level: number, name = 'the journal is full') => {
    pressure = { name, level };
    intake.regulate();
  };
  const send = (name: string, connection: number, ...messages: Inbound[]) =>
    intake.messages(connection, messages, () => acknowledged.push(name));
  const take = () => journal.splice(0);
  return { intake, counters, clock, acknowledged, lines, press, send, take };
}

describe('an intake', () => {
  it('takes everything in while it is open', () => {
    const { intake, send, take, acknowledged, press } = fixture();
    intake.mark(0, 'connected');
    press(0.99);
    send('a', 0, inbound('1'), inbound('2', 0));
    expect(take()).toEqual(['0 connected', '0 1', '0 2']);
    expect(acknowledged).toEqual(['a']);
    expect(intake.status()).toEqual({ name: 'intake', ready: true });
  });

  it('holds QoS 1 and 2 in order and sheds QoS 0 while it is stopped, and takes in what it held when it goes on', () => {
    const { intake, send, take, acknowledged, press, counters } = fixture();
    intake.mark(0, 'connected');
    intake.mark(1, 'connected');
    press(1);
    take();
    send('a', 0, inbound('1'), inbound('2', 0), inbound('3', 2));
    send('b', 1, inbound('4'));
    send('c', 0, inbound('5', 0));
    send('d', 0, inbound('6'));
    expect(intake.paused).toBe(true);
    expect(take()).toEqual([]);
    // The one that has nothing but QoS 0 need not wait.
    expect(acknowledged).toEqual(['c']);
    expect(counters.messages_shed).toBe(2);
    press(0.5);
    expect(take()).toEqual([]);
    press(0.49);
    expect(take()).toEqual(['0 connected', '1 connected', '0 1', '0 3', '1 4', '0 6']);
    expect(acknowledged).toEqual(['c', 'a', 'b', 'd']);
    expect(intake.paused).toBe(false);
    send('e', 0, inbound('7', 0));
    expect(take()).toEqual(['0 7']);
  });

  it('holds copies, so that a message does not keep what was read with it', () => {
    const { send, take, press } = fixture();
    press(1);
    const read = Buffer.from('12345678');
    send('a', 0, { ...inbound(''), payload: read.subarray(0, 2) });
    read.fill('x');
    press(0);
    expect(take()).toContain('0 12');
  });

  it('keeps what it holds when the connection goes and comes again, and tells of it once it goes on', () => {
    const { intake, send, take, press } = fixture();
    intake.mark(0, 'connected');
    press(1);
    expect(take()).toEqual(['0 connected', '-1 disconnected']);
    send('a', 0, inbound('1'));
    intake.mark(0, 'disconnected');
    intake.mark(0, 'connected');
    send('b', 0, { ...inbound('1'), dup: true });
    expect(take()).toEqual(['0 disconnected']);
    press(0);
    expect(take()).toEqual(['0 connected', '0 1', '0 1']);
  });

  it('takes in what it holds of a session ahead of the mark that it is lost', () => {
    const { intake, send, take, press, acknowledged } = fixture();
    press(1);
    take();
    send('a', 0, inbound('1'));
    send('b', 1, inbound('2'));
    intake.mark(0, 'session-lost');
    expect(take()).toEqual(['0 1', '0 session-lost']);
    expect(acknowledged).toEqual(['a']);
    send('c', 0, inbound('3'));
    press(0);
    expect(take()).toEqual(['1 2', '0 3']);
  });

  it('takes in what it holds at the end, though it is stopped', () => {
    const { intake, send, take, press, acknowledged } = fixture();
    press(1);
    take();
    send('a', 0, inbound('1'));
    intake.release();
    expect(take()).toEqual(['0 1']);
    expect(acknowledged).toEqual(['a']);
    intake.release();
    expect(take()).toEqual([]);
  });

  it('says why it is stopped, and what is shed, wherever; with a line at the beginning and one at the end', () => {
    const { intake, send, press, clock, counters, lines } = fixture();
    const said = () => lines.splice(0).map(({ msg, shed }) => (shed === undefined ? msg : `${msg}: ${shed}`));
    clock.at = Date.UTC(2026, 0, 31);
    press(1);
    press(1, 'the disk is nearly full');
    expect(intake.status()).toEqual({ name: 'intake', ready: false, reason: 'stopped: the disk is nearly full' });
    expect(said()).toEqual(['intake stopped: the journal is full; QoS 0 is shed, and the broker holds the rest']);
    for (let i = 0; i < 3; i++) send('a', 0, inbound('1', 0));
    press(1);
    const shed = 'QoS 0 messages are shed: 3 since 2026-01-31T00:00:00.000Z';
    expect(intake.status()).toMatchObject({ ready: false, reason: `stopped: the journal is full; ${shed}` });
    expect(said()).toEqual(['QoS 0 messages are shed: they come faster than they can be kept']);
    press(0);
    // A source has shed some by itself.
    clock.at += 9_000;
    counters.messages_shed += 4;
    press(0);
    clock.at += 9_000;
    press(0);
    expect(intake.status()).toEqual({ name: 'intake', ready: true, reason: shed.replace('3', '7') });
    expect(said()).toEqual(['intake goes on']);
    clock.at += 1_000;
    press(0);
    expect(intake.status()).toEqual({ name: 'intake', ready: true });
    expect(said()).toEqual(['QoS 0 messages are taken in again: 7']);
  });
});
