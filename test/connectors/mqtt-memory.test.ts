import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ResolvedBroker } from '../../connectors/mqtt/broker.ts';
import { createMemories, type SessionMemory } from '../../connectors/mqtt/memory.ts';
import { createSessionStore } from '../../engine/journal/sessions.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'weir-memory-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const brokerOf = (name: string, url = `mqtt://${name}`, clientId = 'weir'): ResolvedBroker => ({
  config: {
    name,
    url,
    clientId,
    version: 5,
    receiveMaximum: 1,
    keepalive: 1,
    sessionExpiry: 1,
    statusTopic: 's',
  },
  subscriptions: [],
});

/** Opens the memories as a new process does. */
function open(...brokers: readonly ResolvedBroker[]): { memories: readonly SessionMemory[]; faults: string[] } {
  const faults: string[] = [];
  const memories = createMemories(createSessionStore(folder), brokers, (reason) => faults.push(reason));
  return { memories, faults };
}

const openOne = (broker: ResolvedBroker): SessionMemory => open(broker).memories[0]!;

describe('the memory of a session', () => {
  it('keeps every filter that was ever subscribed to, across processes, separately for each broker', () => {
    const { memories } = open(brokerOf('a'), brokerOf('b'));
    memories[0]!.remember(['x', 'y/#']);
    memories[1]!.remember(['z']);
    memories[0]!.remember(['y/#', 'v', 'v']);
    const [a, b] = open(brokerOf('a'), brokerOf('b')).memories;
    expect(a?.filters).toEqual(['x', 'y/#', 'v']);
    expect(b?.filters).toEqual(['z']);
  });

  it('is cleared when the session is lost, with the next subscription', () => {
    const memory = openOne(brokerOf('a'));
    memory.remember(['x']);
    memory.forget();
    expect(memory.filters).toEqual([]);
    memory.remember(['y']);
    expect(openOne(brokerOf('a')).filters).toEqual(['y']);
  });

  it('is found by client id and address, or, if the address is new, by client id and broker name', () => {
    openOne(brokerOf('a', 'mqtt://here')).remember(['x']);
    expect(openOne(brokerOf('renamed', 'mqtt://here')).filters).toEqual(['x']);
    expect(openOne(brokerOf('a', 'mqtt://moved')).filters).toEqual(['x']);
    expect(openOne(brokerOf('a', 'mqtt://here', 'other')).filters).toEqual([]);
    expect(openOne(brokerOf('b', 'mqtt://there')).filters).toEqual([]);
  });

  it('is kept while its broker is not in the config', () => {
    openOne(brokerOf('a')).remember(['x']);
    openOne(brokerOf('b')).remember(['y']);
    expect(openOne(brokerOf('a')).filters).toEqual(['x']);
  });

  it('is bounded: the oldest removed filters are dropped once they are unsubscribed', () => {
    const memory = openOne(brokerOf('a'));
    const filters = Array.from({ length: 1_005 }, (_, i) => `t/${i}`);
    memory.remember(filters);
    memory.onUnsubscribed(['t/0']);
    expect(memory.filters).toEqual(['t/0', ...filters.slice(5)]);
  });

  it.each([
    ['garbage', '{', 'is not JSON'],
    ['another version', '{"version":9,"sessions":[]}', 'version 9'],
    ['another shape', '{"version":1,"sessions":[{"filters":"x"}]}', 'has no list of sessions'],
    ['nothing', 'null', 'version undefined'],
  ])('reports that its file has %s, and starts empty', (_, text, reason) => {
    const file = join(folder, 'sessions.json');
    writeFileSync(file, text);
    const { memories, faults } = open(brokerOf('a'));
    expect(faults).toEqual([expect.stringContaining(reason)]);
    memories[0]!.remember(['x']);
    expect(openOne(brokerOf('a')).filters).toEqual(['x']);
  });

  it('reports that it cannot be written, and stays correct in this process', () => {
    const { memories, faults } = open(brokerOf('a'));
    rmSync(folder, { recursive: true });
    memories[0]!.remember(['x']);
    expect(faults).toEqual([expect.stringContaining('ENOENT')]);
    expect(memories[0]!.filters).toEqual(['x']);
  });

  it('is written only when it changes', () => {
    const memory = openOne(brokerOf('a'));
    memory.remember(['x']);
    const before = readFileSync(join(folder, 'sessions.json'), 'utf8');
    rmSync(join(folder, 'sessions.json'));
    memory.remember(['x']);
    expect(() => readFileSync(join(folder, 'sessions.json'))).toThrow();
    expect(before).toContain('"x"');
  });
});
