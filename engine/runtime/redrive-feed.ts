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
  /** When this process started, milliseconds since the epoch: older files are accepted whatever config they were tried with. */
  readonly startedAt: number;
  /** Appends messages to the journal; `durable` is called once they are durable. */
  readonly append: (records: readonly NewRecord[], durable: () => void) => void;
  /** Whether the engine accepts messages now. */
  readonly isOpen: () => boolean;
  readonly log: Logger;
  readonly counters: Counters;
}

/** Appends to the journal the dead letters that `weir deadletters retry` has written to the data folder. */
export interface RedriveFeed {
  /** Checks the folder, and appends at most one file, so that many files do not crowd out the messages of devices. Never rejects. */
  check(): Promise<void>;
}

/**
 * A file is deleted once its messages are durable in the journal. After a crash before that, it is appended twice, but its readings have the
 * same ids. A file that cannot be read is renamed and kept.
 */
export function createRedriveFeed(options: RedriveFeedOptions): RedriveFeed {
  const { config, append, isOpen, log, counters } = options;
  const folder = join(config.data, REDRIVE_FOLDER);
  const own = fingerprint(config);
  /** Names of files that this process does not read again: their messages are not durable yet, or only a restarted engine accepts them. */
  const skipped = new Set<string>();
  let checking = false;

  const remove = async (name: string): Promise<void> => {
    try {
      await rm(join(folder, name));
      skipped.delete(name);
    } catch (error) {
      log.error(
        { file: join(folder, name), err: error },
        'the dead letters of this file were redriven, but the file cannot be deleted: delete it, or they are redriven again at the next start',
      );
    }
  };

  const reject = async (name: string, reason: string): Promise<void> => {
    const path = join(folder, name);
    skipped.add(name);
    counters.redrives_rejected += 1;
    log.error({ file: path, reason }, 'this file of dead letters cannot be redriven; it is kept as .rejected');
    await rename(path, `${path}.rejected`).then(
      () => skipped.delete(name),
      (error: unknown) =>
        log.error(
          { file: path, err: error },
          'the file cannot be renamed to .rejected, and keeps its name: move it away',
        ),
    );
  };

  const appendFile = (name: string, { messages, brokers }: Redrive): void => {
    const connections = brokers.map((broker) => config.mqtt.findIndex((each) => each.name === broker));
    skipped.add(name);
    const records = messages.map((message) => ({ ...message, connection: connections[message.connection]! }));
    append(records, () => {
      counters.messages_redriven += records.length;
      log.info({ file: name, messages: records.length }, 'dead letters redriven');
      void remove(name);
    });
  };

  /** False if the file is left for later. */
  const processFile = async (name: string): Promise<boolean> => {
    const found = await readRedrive(join(folder, name), config);
    // The engine may have stopped meanwhile.
    if (!isOpen()) return false;
    if (typeof found === 'string') await reject(name, found);
    else if (found.config === own || found.at < options.startedAt) appendFile(name, found);
    else {
      skipped.add(name);
      log.warn({ file: join(folder, name) }, RESTART_NEEDED);
      return false;
    }
    return true;
  };

  return {
    async check() {
      if (checking || !isOpen()) return;
      checking = true;
      try {
        for (const name of await listFiles(folder)) {
          if (!skipped.has(name) && (await processFile(name))) break;
        }
      } catch (error) {
        log.error({ folder, err: error }, 'the folder of dead letters to redrive cannot be read');
      } finally {
        checking = false;
      }
    },
  };
}

const RESTART_NEEDED =
  'this file of dead letters waits: `weir deadletters retry` used another config than this process. Restart weir to redrive it';

/** A fingerprint of the parts of a config that decide how a message is decoded. */
export function fingerprint({ streams, mqtt, maxAheadMs }: Config): string {
  const text = JSON.stringify([streams, mqtt.map(({ name }) => name), maxAheadMs]);
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}

/** The content of a file, or the reason why it cannot be redriven. */
async function readRedrive(path: string, { mqtt }: Config): Promise<Redrive | string> {
  const found = await readFile(path).then(decodeRedrive, (error: unknown) => (error as Error).message);
  if (typeof found === 'string') return found;
  const { messages, brokers } = found;
  const isKnown = ({ connection }: Redrive['messages'][number]) =>
    mqtt.some(({ name }) => name === brokers[connection]);
  const unknown = messages.find((message) => !isKnown(message));
  return unknown === undefined ? found : `the config has no broker "${brokers[unknown.connection]}"`;
}

async function listFiles(folder: string): Promise<string[]> {
  try {
    return (await readdir(folder)).filter((name) => name.endsWith(REDRIVE_ENDING)).sort();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}
