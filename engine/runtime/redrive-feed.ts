import { createHash } from 'node:crypto';
import { readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from 'pino';
import { decodeRedrive, REDRIVE_ENDING, REDRIVE_FOLDER, type Redrive } from '../journal/redrive.ts';
import type { Config } from '../model/config.ts';
import type { NewRecord } from '../model/record.ts';
import type { Counters } from '../telemetry.ts';

export interface RedriveFeedOptions {
  readonly config: Config;
  /** When this process began: what was written before is taken up whatever it was rehearsed with. */
  readonly startedAt: number;
  /** Takes messages down in the journal; `durable` is called once they are safe. */
  readonly append: (drafts: readonly NewRecord[], durable: () => void) => void;
  /** Whether messages are taken in at the moment. */
  readonly isOpen: () => boolean;
  readonly log: Logger;
  readonly counters: Counters;
}

/** Brings dead letters that `weir deadletters retry` has left in the data folder back into the journal. */
export interface RedriveFeed {
  /** Looks once, and takes up one file at most, so that a thousand of them do not crowd out what devices send. Never rejects. */
  look(): Promise<void>;
}

/**
 * A file is deleted once its messages are durable in the journal. A crash before that takes it up twice: its readings have the same ids.
 * What cannot be read is renamed, and stays.
 */
export function createRedriveFeed(options: RedriveFeedOptions): RedriveFeed {
  const { config, append, isOpen, log, counters } = options;
  const folder = join(config.data, REDRIVE_FOLDER);
  const own = fingerprint(config);
  /** Names that this process does not look at again: on their way, or for another to take up. */
  const settled = new Set<string>();
  let looking = false;

  const remove = async (name: string): Promise<void> => {
    try {
      await rm(join(folder, name));
      settled.delete(name);
    } catch (error) {
      log.error({ file: join(folder, name), err: error }, 'redriven, but the file cannot be deleted: delete it');
    }
  };

  const setAside = async (name: string, reason: string): Promise<void> => {
    const path = join(folder, name);
    settled.add(name);
    counters.redrives_rejected += 1;
    log.error({ file: path, reason }, 'dead letters cannot be taken up; the file is kept as .rejected');
    await rename(path, `${path}.rejected`).then(
      () => settled.delete(name),
      (error: unknown) => log.error({ file: path, err: error }, 'the file cannot be renamed, and stays as it is'),
    );
  };

  const takeUp = (name: string, { messages, brokers }: Redrive): void => {
    const connections = brokers.map((broker) => config.mqtt.findIndex((each) => each.name === broker));
    settled.add(name);
    const drafts = messages.map((message) => ({ ...message, connection: connections[message.connection]! }));
    append(drafts, () => {
      counters.messages_redriven += drafts.length;
      log.info({ file: name, messages: drafts.length }, 'dead letters redriven');
      void remove(name);
    });
  };

  /** False where the file stays for later. */
  const lookAt = async (name: string): Promise<boolean> => {
    const found = await readRedrive(join(folder, name), config);
    // Meanwhile the engine may have stopped.
    if (!isOpen()) return false;
    if (typeof found === 'string') await setAside(name, found);
    else if (found.config === own || found.at < options.startedAt) takeUp(name, found);
    else {
      settled.add(name);
      log.warn({ file: join(folder, name) }, WAITS);
      return false;
    }
    return true;
  };

  return {
    async look() {
      if (looking || !isOpen()) return;
      looking = true;
      try {
        for (const name of await listFiles(folder)) {
          if (!settled.has(name) && (await lookAt(name))) break;
        }
      } catch (error) {
        log.error({ folder, err: error }, 'the folder of dead letters that come again cannot be read');
      } finally {
        looking = false;
      }
    },
  };
}

const WAITS = 'dead letters wait: they were rehearsed with other streams than this process has; restart it';

/** What stands for all of a config that says what a message becomes. */
export function fingerprint({ streams, mqtt, maxAheadMs }: Config): string {
  const text = JSON.stringify([streams, mqtt.map(({ name }) => name), maxAheadMs]);
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}

/** What a file holds, or why that cannot be taken up. */
async function readRedrive(path: string, { mqtt }: Config): Promise<Redrive | string> {
  const found = await readFile(path).then(decodeRedrive, (error: unknown) => (error as Error).message);
  if (typeof found === 'string') return found;
  const { messages, brokers } = found;
  const isKnown = ({ connection }: Redrive['messages'][number]) =>
    mqtt.some(({ name }) => name === brokers[connection]);
  const stranger = messages.find((message) => !isKnown(message));
  return stranger === undefined ? found : `the config has no broker "${brokers[stranger.connection]}"`;
}

async function listFiles(folder: string): Promise<string[]> {
  try {
    return (await readdir(folder)).filter((name) => name.endsWith(REDRIVE_ENDING)).sort();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}
