import { randomUUID } from 'node:crypto';
import { chown, open, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { MessageRecord, NewRecord } from '../model/record.ts';
import { decodeRecord, encodeRecord, maxEncodedBytes } from './format.ts';
import { makeFolder } from './make-folder.ts';
import { syncFolder } from './sync-folder.ts';

/** Dead letters that are to be appended to the journal again: the content of a file in the folder `redrive`. */
export interface Redrive {
  /** When `weir deadletters retry` decoded them; milliseconds since the epoch. */
  readonly at: number;
  /** Fingerprint of the config that they were decoded with. */
  readonly config: string;
  /** Names of the brokers; `connection` of a message is an index of this list. */
  readonly brokers: readonly string[];
  readonly messages: readonly Omit<MessageRecord, 'offset'>[];
}

/** The first line of the file. The messages follow as records of the journal, each with its checksum, and with its index as offset. */
interface Head extends Omit<Redrive, 'messages'> {
  readonly version: number;
  /** Number of messages. */
  readonly messages: number;
}

const VERSION = 1;
/** Folder of these files, in the data folder. */
export const REDRIVE_FOLDER = 'redrive';
/** Ending of the name of a complete file. */
export const REDRIVE_ENDING = '.redrive';

/** The bytes of a file. */
export function encodeRedrive({ messages, ...rest }: Redrive): Buffer {
  const head: Head = { version: VERSION, ...rest, messages: messages.length };
  const bodies = messages.map((message, i) => {
    const record: NewRecord = { ...message, redriven: true };
    const buffer = Buffer.allocUnsafe(maxEncodedBytes(record));
    return buffer.subarray(0, encodeRecord(buffer, 0, record, i));
  });
  return Buffer.concat([Buffer.from(`${JSON.stringify(head)}\n`), ...bodies]);
}

/** The content of a file, or the reason in one clause why it cannot be read. Payloads are views of `bytes`. */
export function decodeRedrive(bytes: Buffer): Redrive | string {
  const end = bytes.indexOf('\n');
  const head = end < 0 ? undefined : readHead(bytes.toString('utf8', 0, end));
  if (head === undefined) return 'its first line is not the header of a file of dead letters';
  if (head.version !== VERSION) return `it has version ${head.version}; this version of Weir reads version ${VERSION}`;
  const messages: Omit<MessageRecord, 'offset'>[] = [];
  let at = end + 1;
  while (at < bytes.length) {
    const next = decodeRecord(bytes, at);
    if (next.kind !== 'record') return `message ${messages.length + 1} of ${head.messages} is ${next.kind}`;
    const { record } = next;
    if (record.kind !== 'message') return `record ${messages.length + 1} is a ${record.kind}, not a message`;
    const { offset: _, ...message } = record;
    messages.push({ ...message, redriven: true });
    at = next.end;
  }
  if (messages.length !== head.messages)
    return `it has ${messages.length} messages, but its first line says ${head.messages}`;
  const { at: decodedAt, config, brokers } = head;
  return { at: decodedAt, config, brokers, messages };
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

/** The owner of the data folder. */
export interface Owner {
  readonly uid: number;
  readonly gid: number;
}

/**
 * Writes a file under another name, changes its owner if `owner` is given, syncs it, renames it and syncs the folder: the engine sees the whole
 * file or none. Names sort by `at`, then by `part`. Returns the path. Rejects if the disk fails.
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
