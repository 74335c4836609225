import pino from 'pino';
import { describe, expect, it } from 'vitest';
import type { CommitListener } from '../../engine/journal/journal.ts';
import type { NewRecord } from '../../engine/model/record.ts';
import type { Inbound } from '../../engine/ports.ts';
import { createIngest } from '../../engine/runtime/ingest.ts';
import { createCounters, createTimings } from '../../engine/telemetry.ts';

const message = (payload: string): Inbound => ({
  topic: 't',
  payload: Buffer.from(payload),
  qos: 1,
  retain: false,
  dup: false,
  packetId: 1,
});

/** An ingest with a journal in memory. Appended records become durable when the test calls `sync`. */
function start(level = 0, hasMoreDue = () => false) {
  const log: string[] = [];
  const appended: NewRecord[] = [];
  let commit: CommitListener | undefined;
  let waiting: (() => void)[] = [];
  let wallAt = 1_000_000;
  const counters = createCounters();
  const timings = createTimings();
  const append = (records: readonly NewRecord[], durable?: () => void): void => {
    const offset = appended.length;
    appended.push(...records);
    waiting.push(() => {
      durable?.();
      commit?.(records.map((record, i) => ({ ...record, offset: offset + i })));
    });
  };
  const ingest = createIngest({
    journal: {
      commitTo: (listener) => {
        commit = listener;
      },
      append,
      appendMessages: (at, connection, messages, durable) =>
        append(
          messages.map((message) => ({ kind: 'message', at, connection, ...message })),
          durable,
        ),
    },
    feed: (records) => log.push(...records.map(({ offset }) => `folded ${offset}`)),
    hasMoreDue,
    fullest: () => ({ name: 'the disk is nearly full', level }),
    figures: () => ({}),
    clock: { now: () => wallAt, steady: () => wallAt },
    counters,
    timings,
    log: pino({ level: 'silent' }),
  });
  const sync = () => {
    for (const done of waiting.splice(0)) done();
  };
  waiting = [];
  return { ingest, log, appended, sync, counters, pass: (ms: number) => void (wallAt += ms) };
}

describe('ingest', () => {
  it('acknowledges a message once it is durable, and only then feeds the fold', () => {
    const { ingest, log, sync, counters } = start();
    ingest.open(0);
    ingest.handler.messages(0, [message('a'), message('b')], () => log.push('acknowledged'));
    expect(log).toEqual([]);
    expect(counters.messages_journaled).toBe(0);
    sync();
    expect(log).toEqual(['folded 0', 'acknowledged', 'folded 1', 'folded 2']);
    expect(counters.messages_journaled).toBe(2);
  });

  it('gives all records receive times after those of the previous run', () => {
    const { ingest, appended } = start();
    ingest.open(2_000_000);
    ingest.append([{ kind: 'tick' }]);
    ingest.handler.messages(0, [message('a')], () => undefined);
    expect(appended.map(({ at }) => at)).toEqual([2_000_000, 2_000_000, 2_000_000]);
    expect(appended[0]).toEqual({ kind: 'mark', at: 2_000_000, mark: 'started', connection: -1, aheadMs: 1_000_000 });
  });

  it('reports the age of the newest record when it was folded', () => {
    const { ingest, sync, pass } = start();
    ingest.open(0);
    ingest.handler.messages(0, [message('a')], () => undefined);
    pass(250);
    sync();
    expect(ingest.lagMs).toBe(250);
  });

  it('appends nothing during recovery, even above a limit', () => {
    const { ingest, appended } = start(2);
    ingest.regulate();
    expect(appended).toEqual([]);
    expect(ingest.paused).toBe(false);
    ingest.open(0);
    ingest.regulate();
    expect(appended).toMatchObject([{ mark: 'started' }, { mark: 'disconnected', connection: -1 }]);
    expect(ingest.paused).toBe(true);
  });

  it('appends another tick if one has left work, one at a time, behind the messages that have arrived', () => {
    let left = 2;
    const { ingest, appended, sync } = start(0, () => left > 0);
    const kinds = () => appended.slice(1).map(({ kind }) => kind);
    ingest.open(0);
    left = 0;
    sync();
    ingest.append([{ kind: 'tick' }]);
    ingest.handler.messages(0, [message('a')], () => undefined);
    left = 2;
    sync();
    expect(kinds()).toEqual(['tick', 'message', 'tick']);
    left = 1;
    sync();
    expect(kinds()).toEqual(['tick', 'message', 'tick', 'tick']);
    left = 0;
    sync();
    sync();
    expect(appended).toHaveLength(5);
  });

  it('appends no other tick while intake is stopped, since what follows from it could not be delivered', () => {
    const { ingest, appended, sync } = start(2, () => true);
    ingest.open(0);
    ingest.regulate();
    sync();
    ingest.append([{ kind: 'tick' }]);
    sync();
    sync();
    expect(appended.filter(({ kind }) => kind === 'tick')).toHaveLength(1);
  });
});
