import { randomUUID } from 'node:crypto';
import { chown, open, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { MessageRecord, NewRecord } from '../model/record.ts';
import { decodeRecord, encodeRecord, maxEncodedBytes } from './format.ts';
import { makeFolder } from './make-folder.ts';
import { syncFolder } from './sync-folder.ts';

/** Dead letters on their way back into the journal, as a file of the folder `redrive` holds them. */
export interface Redrive {
  /** When they were rehearsed; milliseconds since the epoch. */
  readonly at: number;
  /** What stands for the config that they were rehearsed with. */
  readonly config: string;
  /** Names of the brokers, by the connections of the messages. */
  readonly brokers: readonly string[];
  readonly messages: readonly Omit<MessageRecord, 'offset'>[];
}

/** The file's first line. Behind it stand the messages, as records of the journal with their place as offset: each has its checksum. */
interface Head extends Omit<Redrive, 'messages'> {
  readonly version: number;
  /** How many. */
  readonly messages: number;
}

const VERSION = 1;
/** Of the data folder. */
export const REDRIVE_FOLDER = 'redrive';
/** How the name of a complete file ends. */
export const REDRIVE_ENDING = '.redrive';

export function encodeRedrive({ messages, ...rest }: Redrive): Buffer {
  const head: Head = { version: VERSION, ...rest, messages: messages.length };
  const bodies = messages.map((message, i) => {
    const draft: NewRecord = { ...message, redriven: true };
    const buffer = Buffer.allocUnsafe(maxEncodedBytes(draft));
    return buffer.subarray(0, encodeRecord(buffer, 0, draft, i));
  });
  return Buffer.concat([Buffer.from(`${JSON.stringify(head)}\n`), ...bodies]);
}

/** What the file holds, or why it cannot be read, in one clause. Payloads are views into `bytes`. */
export function decodeRedrive(bytes: Buffer): Redrive | string {
  const end = bytes.indexOf('\n');
  const head = end < 0 ? undefined : readHead(bytes.toString('utf8', 0, end));
  if (head === undefined) return 'its first line is not that of a file of dead letters';
  if (head.version !== VERSION) return `it has version ${head.version}, this Weir reads version ${VERSION}`;
  const messages: Omit<MessageRecord, 'offset'>[] = [];
  let at = end + 1;
  while (at < bytes.length) {
    const next = decodeRecord(bytes, at);
    if (next.kind !== 'record') return `message ${messages.length + 1} of ${head.messages} is ${next.kind}`;
    const { record } = next;
    if (record.kind !== 'message') return `what should be message ${messages.length + 1} is a ${record.kind}`;
    const { offset: _, ...message } = record;
    messages.push({ ...message, redriven: true });
    at = next.end;
  }
  if (messages.length !== head.messages) return `it has ${messages.length} messages in place of ${head.messages}`;
  const { at: rehearsedAt, config, brokers } = head;
  return { at: rehearsedAt, config, brokers, messages };
}

function readHead(line: string): Head | undefined {
  try {
    const head = JSON.parse(line) as Partial<Head> | null;
    if (!Number.isInteger(head?.version)) return undefined;
    return head?.version !== VERSION || Array.isArray(head.brokers) ? (head as Head) : undefined;
  } catch {
    return undefined;
  }
}

/** Who owns the data folder. */
export interface Owner {
  readonly uid: number;
  readonly gid: number;
}

/**
 * Writes the file aside, syncs, gives it to the owner of the data folder where one is named, renames it and syncs the folder: the engine
 * sees it whole or not at all. Names sort by `at`, then by `part`. Returns the path.
 */
export async function writeRedrive(data: string, redrive: Redrive, part: number, owner?: Owner): Promise<string> {
  const folder = join(data, REDRIVE_FOLDER);
  makeFolder(folder);
  const name = `${redrive.at}-${String(part).padStart(6, '0')}-${randomUUID().slice(0, 8)}${REDRIVE_ENDING}`;
  const path = join(folder, name);
  const aside = `${path}.new`;
  try {
    const file = await open(aside, 'wx', 0o600);
    try {
      await file.writeFile(encodeRedrive(redrive));
      if (owner !== undefined) await file.chown(owner.uid, owner.gid);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(aside, path);
  } catch (error) {
    await rm(aside, { force: true });
    throw error;
  }
  if (owner !== undefined) await chown(folder, owner.uid, owner.gid);
  await syncFolder(folder);
  return path;
}
