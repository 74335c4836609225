import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach } from 'vitest';
import { type Journal, type JournalOptions, openJournal } from '../../engine/journal/journal.ts';
import type { JournalRecord, NewRecord } from '../../engine/model/record.ts';
import { createCounters } from '../../engine/telemetry.ts';

const folders: string[] = [];

/** Creates a folder that is deleted after the test. */
export function makeFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'weir-journal-'));
  folders.push(folder);
  return folder;
}

afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

/** Opens a journal. A failure of the disk, and a loss of records, fail the test unless `options` handle them. */
export function open(folder: string, options: Partial<JournalOptions> = {}): Promise<Journal> {
  return openJournal({
    folder,
    counters: createCounters(),
    onLoss: (loss) => {
      throw new Error(`lost ${JSON.stringify(loss)}`);
    },
    onFailure: (error) => {
      throw error;
    },
    commitEveryMs: 0,
    ...options,
  });
}

/** Appends and waits until the group is durable. */
export function append(journal: Journal, records: readonly NewRecord[]): Promise<void> {
  return new Promise((resolve) => journal.append(records, resolve));
}

export async function readAll(journal: Journal, from = journal.firstOffset): Promise<JournalRecord[]> {
  const records: JournalRecord[] = [];
  for await (const part of journal.read(from)) records.push(...part);
  return records;
}

export function message(payload: string | Uint8Array, topic = 'plant/d1'): NewRecord {
  const bytes = Buffer.from(payload);
  return {
    kind: 'message',
    at: 1_000,
    connection: 0,
    topic,
    payload: bytes,
    qos: 1,
    retain: false,
    dup: false,
    packetId: 7,
  };
}

export const tick = (at: number): NewRecord => ({ kind: 'tick', at });
