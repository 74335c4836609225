import { closeSync, fsyncSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { SessionRecord, SessionStore } from '../ports.ts';

const NAME = 'sessions.json';
const VERSION = 1;

/**
 * Creates the store of broker sessions, a file in the data folder. It is not part of the journal, because it describes the state of the brokers
 * and changes no outcome. Each write replaces the whole file atomically: the file is small, and changes only with the config.
 */
export function createSessionStore(folder: string): SessionStore {
  const path = join(folder, NAME);
  return {
    read: () => {
      let text: string;
      try {
        text = readFileSync(path, 'utf8');
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
        throw error;
      }
      return parse(text, path);
    },
    write: (sessions) => {
      const aside = `${path}.new`;
      writeDurably(aside, `${JSON.stringify({ version: VERSION, sessions }, null, 1)}\n`);
      renameSync(aside, path);
      syncFolder(folder);
    },
  };
}

function parse(text: string, path: string): readonly SessionRecord[] {
  let found: unknown;
  try {
    found = JSON.parse(text);
  } catch (error) {
    throw new Error(`${path} is not JSON: ${(error as Error).message}`);
  }
  const { version, sessions } = (found ?? {}) as { version?: unknown; sessions?: unknown };
  if (version !== VERSION)
    throw new Error(`${path} has version ${version}; this version of Weir reads version ${VERSION}`);
  if (!Array.isArray(sessions) || !sessions.every(isSession)) throw new Error(`${path} has no list of sessions`);
  return sessions;
}

function isSession(found: unknown): found is SessionRecord {
  const { clientId, address, broker, filters } = (found ?? {}) as Record<keyof SessionRecord, unknown>;
  return Array.isArray(filters) && [clientId, address, broker, ...filters].every((each) => typeof each === 'string');
}

function writeDurably(path: string, text: string): void {
  const file = openSync(path, 'w', 0o600);
  try {
    writeSync(file, text);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

/** Makes the name of the file as durable as its content. */
function syncFolder(path: string): void {
  const folder = openSync(path, 'r');
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}
