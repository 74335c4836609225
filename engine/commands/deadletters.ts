import { stat } from 'node:fs/promises';
import { DEAD_LETTERS } from '../delivery/tables.ts';
import { InvalidInput } from '../document/problem.ts';
import type { Owner } from '../journal/redrive.ts';
import { listSegments } from '../journal/segment.ts';
import type { Config } from '../model/config.ts';
import { count, jsonLine, printable } from '../model/printable.ts';
import { DeliveryError, type TableSink } from '../ports.ts';
import type { Command, CommandIo } from './command.ts';
import { createTables } from './connect.ts';
import { type DeadLetter, type DeadLetterFilter, type DeadLetters, EXACT, idOf } from './deadletters/dead-letter.ts';
import { createDryRun } from './deadletters/dry-run.ts';
import { type DeadLetterOptions, parseOptions } from './deadletters/options.ts';
import { openDeadLetters } from './deadletters/query.ts';
import { reportJson, reportText } from './deadletters/report.ts';
import { retryDeadLetters } from './deadletters/retry.ts';
import {
  deadLetterJson,
  deadLetterTable,
  deadLetterText,
  dryRunJson,
  formatCount,
  formatReasons,
} from './deadletters/text.ts';
import { loadConfig } from './load.ts';

/** `weir deadletters`: lists, shows and retries messages that could not be decoded or stored. */
export const deadletters: Command = {
  name: 'deadletters',
  summary: 'List, show and retry messages that could not be decoded or stored',
  help: `Usage: weir deadletters list  [--stream S] [--reason R] [--topic T] [--since 2h] [--limit N] [--all] [--json]
       weir deadletters show  ID [--json]
       weir deadletters retry (ID… | --reason R | --stream S | --topic T | --since D | --everything) [--dry-run] [--json]

  list    lists dead letters that were not retried yet, the newest first, and how many there are for each reason
  show    shows one dead letter in full: its faults, its payload (as a hex dump if it is not text), and how the current config decodes it
  retry   decodes each dead letter with the current config, the oldest first. It writes those that can be decoded to the folder redrive/
          of the data folder. A running engine reads them within a second, a stopped engine when it starts, and an engine with other
          streams after a restart. Dead letters that still fail are kept, and reported by reason.
          The readings are stored with \`late\` and their first receive time. They raise no alert and are in no window.

An ID names a message with all its faults: its journal offset and its time, as \`list\` shows it. The offset is enough if only one dead
letter has it. Several options together select dead letters that match all of them.

  --config FILE   default: deploy/weir.json; use the corrected config of the engine
  --stream S      of this stream (or table, for a row that ClickHouse refused); '' if no topic matched
  --reason R      such as malformed, wrong-type, no-stream; \`refused\` is a row that ClickHouse refused
  --topic T       a topic, or a filter such as plant/+/press-7/#
  --since D       received in the last 30m, 2h, 7d
  --limit N       list: the most dead letters to list; default: 50
  --all           list: also those that were retried
  --everything    retry: all that were not retried yet
  --dry-run       retry: only report what would be redriven
  --json          print one JSON object

Run retry on the host of the engine, because it writes to the data folder. ClickHouse must be reachable; the engine need not run.

Exit code: 0 done, also if some dead letters still fail; 1 failed, or there is no such dead letter; 2 wrong use, or the config is wrong.`,
  async run(args, io) {
    const options = parseOptions(args, Date.now());
    if (typeof options === 'string') {
      io.stderr.write(`weir deadletters: ${options}.\n\`weir deadletters --help\` describes the command.\n`);
      return 2;
    }
    try {
      const { config } = loadConfig(options.config);
      const { reader, sink } = createTables({ config, env: io.env });
      try {
        const deadLetters = await orUnable(config, openDeadLetters(reader, config.clickhouse.database));
        return await perform({ config, options, io, sink, deadLetters: withReportedFailures(deadLetters, config) });
      } finally {
        await Promise.all([reader.close(), sink.close()]);
      }
    } catch (error) {
      if (!(error instanceof InvalidInput || error instanceof Unable)) throw error;
      const { message } = error;
      io.stderr.write(error instanceof Unable ? `weir deadletters: ${message.replace(/\.?$/, '.')}\n` : `${message}\n`);
      return error instanceof Unable ? 1 : 2;
    }
  },
};

/** The command cannot do its work, but its arguments are right. The message has the reason and the remedy. */
class Unable extends Error {}

interface Work {
  readonly config: Config;
  readonly options: DeadLetterOptions;
  readonly io: CommandIo;
  readonly deadLetters: DeadLetters;
  readonly sink: TableSink;
}

async function perform(work: Work): Promise<number> {
  const { options, config, deadLetters, io } = work;
  if (!deadLetters.exist) {
    const { url, database } = config.clickhouse;
    io.stderr.write(`${url} has no table ${database}.${DEAD_LETTERS.name}: no engine has written to it yet.\n`);
  }
  if (options.filter.ids !== undefined) await checkIds(options.filter, deadLetters);
  if (options.verb === 'list') return list(work);
  return options.verb === 'show' ? show(work) : retry(work);
}

async function list({ options: { filter, limit, json }, deadLetters, io }: Work): Promise<number> {
  const found = await deadLetters.find(filter, { limit, order: 'newest', payload: false });
  const { letters: total, reasons } = await deadLetters.count(filter);
  if (json) {
    const shown = found.map((letter) => deadLetterJson(letter, false));
    io.stdout.write(jsonLine({ letters: shown, total, reasons: Object.fromEntries(reasons) }));
    return 0;
  }
  if (found.length > 0) io.stdout.write(`${deadLetterTable(found, filter.reason, filter.retried)}\n`);
  const hidden = total > found.length ? `, ${count(found.length)} of them shown (--limit)` : '';
  const which = filter.retried ? '' : ' to retry';
  const about = total > EXACT ? 'about ' : '';
  io.stdout.write(
    `${about}${formatCount(total, 'dead letter')}${which}${hidden}${total > 0 ? `: ${formatReasons(reasons)}` : ''}\n`,
  );
  return 0;
}

async function show({ options: { filter, json }, deadLetters, config, io }: Work): Promise<number> {
  const [letter] = await deadLetters.find(filter, { limit: 1, order: 'newest', payload: true });
  if (letter === undefined) throw new Unable(`there is no dead letter ${filter.ids?.[0]?.text} any more`);
  const result = createDryRun(config, Date.now)(letter);
  if (json) io.stdout.write(jsonLine({ ...deadLetterJson(letter, true), now: dryRunJson(result, config) }));
  else io.stdout.write(deadLetterText(letter, result, config));
  return 0;
}

async function retry({ options, deadLetters, config, io, sink }: Work): Promise<number> {
  const { filter, dryRun, json } = options;
  let write: { readonly sink: TableSink; readonly owner: Owner | undefined } | undefined;
  if (!dryRun && deadLetters.exist) {
    write = { sink, owner: await findOwner(config.data) };
    // A table of an older version gets the column `retried`.
    await orUnable(config, sink.open([DEAD_LETTERS]));
  }
  const work = retryDeadLetters(filter, { config, deadLetters, write, now: Date.now, signal: io.signal });
  const report = await work.catch((error: NodeJS.ErrnoException) => {
    if (error.syscall === undefined) throw error;
    throw new Unable(`the dead letters could not be written to the data folder: ${error.message}`);
  });
  io.stdout.write(json ? jsonLine(reportJson(report, dryRun)) : reportText(report, dryRun, config));
  if (report.unmarked === undefined) return 0;
  const why = `the last file is written and the engine will read it, but its dead letters could not be marked as retried: ${report.unmarked}`;
  throw new Unable(`${why}. They are still listed; you may safely retry them again`);
}

/** Throws unless each ID identifies exactly one dead letter. */
async function checkIds(filter: DeadLetterFilter, deadLetters: DeadLetters): Promise<void> {
  const { ids = [] } = filter;
  for (const id of ids) {
    const found = await deadLetters.find({ ...filter, ids: [id] }, { limit: 3, order: 'newest', payload: false });
    if (found.length === 0)
      throw new Unable(`there is no dead letter ${id.text}; \`weir deadletters list --all\` lists all of them`);
    if (found.length > 1)
      throw new Unable(
        `${id.text} identifies several dead letters: ${found.map(describe).join('; ')}. Use a full ID, or select one with --topic`,
      );
  }
}

function describe(letter: DeadLetter): string {
  return `${idOf(letter)} of ${printable(letter.topic)}`;
}

/**
 * The user that the engine runs as, if this process may change the owner of files; undefined if it is the user of this process. Throws if there is
 * no data folder, or if the engine could not read the files of this process.
 */
async function findOwner(data: string): Promise<Owner | undefined> {
  const folder = await stat(data).catch(() => undefined);
  if (folder?.isDirectory() !== true) {
    const remedy = 'Run this on the host of the engine, with its config';
    throw new Unable(
      `there is no data folder ${data} here, to which dead letters are written for the engine. ${remedy}`,
    );
  }
  // The folder may belong to another user, for example as a volume of a container. The engine has created the files in it.
  const segment = (await listSegments(data)).at(-1);
  const { uid, gid } = segment === undefined ? folder : await stat(segment.path).catch(() => folder);
  const user = process.getuid?.();
  if (user === 0) return { uid, gid };
  if (user === uid || segment === undefined) return undefined;
  throw new Unable(
    `the engine could not read files that this user writes to ${data}. Run this as the user of the engine (${uid}), or as root`,
  );
}

/** Converts any failure of ClickHouse to `Unable`, with the message of the server. */
async function orUnable<T>({ clickhouse: { url } }: Config, answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof TypeError) throw error;
    const { message } = error as Error;
    throw new Unable(
      error instanceof DeliveryError ? message : `the request to ClickHouse at ${url} failed: ${message}`,
    );
  }
}

/** The same dead letters; failures are reported as `Unable`. */
function withReportedFailures(deadLetters: DeadLetters, config: Config): DeadLetters {
  return {
    exist: deadLetters.exist,
    find: (filter, page) => orUnable(config, deadLetters.find(filter, page)),
    count: (filter) => orUnable(config, deadLetters.count(filter)),
  };
}
