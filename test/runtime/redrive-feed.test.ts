import { chmodSync, existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import pino from 'pino';
import { describe, expect, it } from 'vitest';
import { type Redrive, writeRedrive } from '../../engine/journal/redrive.ts';
import type { Config } from '../../engine/model/config.ts';
import type { NewRecord } from '../../engine/model/record.ts';
import { createRedriveFeed, fingerprint } from '../../engine/runtime/redrive-feed.ts';
import { createCounters } from '../../engine/telemetry.ts';
import { makeFolder } from '../journal/folder.ts';
import { setUp } from '../pipeline/kit.ts';

const STARTED_AT = 1_500;

function start(brokers: readonly string[] = ['one', 'two']) {
  const mqtt = brokers.map((name) => ({ name, url: `mqtt://${name}`, clientId: name }));
  const config: Config = { ...setUp([], { mqtt }).config, data: makeFolder() };
  const counters = createCounters();
  const lines: { msg: string; reason?: string }[] = [];
  const log = pino({ base: null }, { write: (line: string) => lines.push(JSON.parse(line)) });
  const appended: { readonly records: readonly NewRecord[]; readonly durable: () => void }[] = [];
  const gate = { open: true };
  const feed = createRedriveFeed({
    config,
    startedAt: STARTED_AT,
    append: (records, durable) => appended.push({ records, durable }),
    isOpen: () => gate.open,
    log,
    counters,
  });
  const writeFile = (changes: Partial<Redrive> & { topics?: readonly string[] } = {}, part = 0) => {
    const { topics = ['plant/a/d1/data'], ...rest } = changes;
    const delivery = { qos: 1, retain: false, dup: false, packetId: 0 } as const;
    const messages = topics.map(
      (topic) => ({ kind: 'message', at: 7, connection: 1, topic, payload: Buffer.from('{}'), ...delivery }) as const,
    );
    const given = { at: 2_000, config: fingerprint(config), brokers: ['one', 'two'], messages, ...rest };
    return writeRedrive(config.data, given, part);
  };
  const gone = async (path: string) => expect.poll(() => existsSync(path), { timeout: 5_000 }).toBe(false);
  return { config, feed, appended, counters, lines, gate, writeFile, gone, folder: join(config.data, 'redrive') };
}

const topicsOf = (records: readonly NewRecord[]) => records.map((record) => record.kind === 'message' && record.topic);

describe('a file of dead letters', () => {
  it('is appended as redriven messages of its broker, and deleted once they are durable', async () => {
    const { feed, appended, counters, writeFile, gone } = start(['two', 'three']);
    const path = await writeFile({ topics: ['a', 'b'] });
    await feed.check();
    expect(appended).toHaveLength(1);
    expect(appended[0]!.records).toMatchObject([
      { kind: 'message', at: 7, connection: 0, topic: 'a', redriven: true, packetId: 0 },
      { topic: 'b', redriven: true },
    ]);
    // It is not appended again, and is kept until its messages are durable.
    await feed.check();
    expect(appended).toHaveLength(1);
    expect([existsSync(path), counters.messages_redriven]).toEqual([true, 0]);
    appended[0]!.durable();
    expect(counters.messages_redriven).toBe(2);
    await gone(path);
  });

  it('is appended with one check, the oldest file first', async () => {
    const { feed, appended, writeFile } = start();
    await writeFile({ at: 2_001, topics: ['third'] });
    await writeFile({ at: 2_000, topics: ['second'] }, 1);
    await writeFile({ at: 2_000, topics: ['first'] });
    for (const seen of [1, 2, 3, 3]) {
      await feed.check();
      expect(appended).toHaveLength(seen);
    }
    expect(appended.flatMap(({ records }) => topicsOf(records))).toEqual(['first', 'second', 'third']);
  });

  it('waits while the engine accepts no messages', async () => {
    const { feed, appended, writeFile, gate } = start();
    await writeFile();
    gate.open = false;
    await feed.check();
    expect(appended).toEqual([]);
    gate.open = true;
    const checking = feed.check();
    // It closes while the file is being read.
    gate.open = false;
    await checking;
    expect(appended).toEqual([]);
    gate.open = true;
    await feed.check();
    expect(appended).toHaveLength(1);
  });

  it('that was decoded with another config waits for a restart, is logged once, and does not block other files', async () => {
    const { feed, appended, writeFile, lines, counters } = start();
    await writeFile({ config: 'other', topics: ['waits'] });
    await writeFile({ at: 3_000, topics: ['goes'] });
    await writeFile({ at: STARTED_AT - 1, config: 'other', topics: ['was there at the start'] });
    for (let i = 0; i < 3; i++) await feed.check();
    expect(appended.flatMap(({ records }) => topicsOf(records))).toEqual(['was there at the start', 'goes']);
    expect(lines.filter(({ msg }) => msg.includes('Restart weir'))).toHaveLength(1);
    expect(counters.redrives_rejected).toBe(0);
  });

  it('that cannot be read is renamed, logged and counted, and the next file is appended', async () => {
    const { feed, appended, counters, lines, writeFile, folder } = start();
    mkdirSync(folder);
    writeFileSync(join(folder, '1.redrive'), 'not this');
    writeFileSync(join(folder, '2.redrive.new'), 'half written');
    await writeFile({ brokers: ['one', 'gone'], topics: ['a'] });
    await writeFile({ at: 2_005, topics: ['b'] });
    for (let i = 0; i < 4; i++) await feed.check();
    expect(appended.flatMap(({ records }) => topicsOf(records))).toEqual(['b']);
    expect(counters.redrives_rejected).toBe(2);
    expect(lines.flatMap(({ reason }) => reason ?? [])).toEqual([
      'its first line is not the header of a file of dead letters',
      'the config has no broker "gone"',
    ]);
    expect(readdirSync(folder).filter((name) => name.endsWith('.rejected'))).toHaveLength(2);
    expect(existsSync(join(folder, '1.redrive.rejected'))).toBe(true);
  });

  it('that cannot be renamed either is logged once and kept', async () => {
    const { feed, appended, counters, folder, writeFile } = start();
    await writeFile({ topics: ['b'] });
    // A folder with the name of the file cannot be read, and cannot be renamed to the name of a folder that is not empty.
    mkdirSync(join(folder, '1.redrive'));
    mkdirSync(join(folder, '1.redrive.rejected', 'x'), { recursive: true });
    chmodSync(join(folder, '1.redrive'), 0o700);
    for (let i = 0; i < 3; i++) await feed.check();
    expect(counters.redrives_rejected).toBe(1);
    expect(appended).toHaveLength(1);
  });
});
