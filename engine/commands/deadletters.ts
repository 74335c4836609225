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
import { openLetters } from './deadletters/query.ts';
import { reportJson, reportText } from './deadletters/report.ts';
import { retryLetters } from './deadletters/retry.ts';
import { letterJson, letterTable, letterText, reasonList, rehearsalJson, several } from './deadletters/text.ts';
import { loadConfig } from './load.ts';

/** `weir deadletters`: what could not be decoded or stored, why, and how to let it in after all. */
export const deadletters: Command = {
  name: 'deadletters',
  summary: 'List, show and retry messages that could not be decoded or stored',
  help: `Usage: weir deadletters list  [--stream S] [--reason R] [--topic T] [--since 2h] [--limit N] [--all] [--json]
       weir deadletters show  ID [--json]
       weir deadletters retry (ID… | --reason R | --stream S | --topic T | --since D | --everything) [--dry-run] [--json]

  list    the letters that were not retried yet, the newest first, and how many there are of each reason
  show    everything of one letter, its payload (as a hex dump where it is no text), and what the config of now makes of it
  retry   tries each letter with the config of now, the oldest first. What can be decoded is left for the engine in the folder
          redrive/ of its data folder: a running one takes it up within a second, a stopped one when it starts, and one that was
          started with other streams when it is restarted. What still fails is left alone, and told by reason.
          Readings are stored with \`late\`, as of when they came first. They raise no alert and are in no window.

An ID names a message, with all its faults: its journal offset and its time, as \`list\` shows it. The offset alone will do where only one
letter has it. Several options together mean letters that meet all of them.

  --config FILE   default: deploy/weir.json; the one that the engine runs with, as mended
  --stream S      of this stream (of a row that ClickHouse refused, table); '' where no topic matched
  --reason R      such as malformed, wrong-type, no-stream; \`refused\` is a row that ClickHouse did not take
  --topic T       a topic, or a filter such as plant/+/press-7/#
  --since D       that came in the last 30m, 2h, 7d
  --limit N       list: how many at most; default: 50
  --all           list: also those that were retried
  --everything    retry: all that were not retried yet
  --dry-run       retry: only says what it would do
  --json          one JSON object

Run retry where the engine runs, as it needs the data folder. ClickHouse must answer; the engine need not run.

Exit code: 0 done, also where letters were left alone; 1 failed, or there is no such letter; 2 used wrongly, or the config is wrong.`,
  async run(args, io) {
    const options = parseOptions(args, Date.now());
    if (typeof options === 'string') {
      io.stderr.write(`weir deadletters: ${options}.\n\`weir deadletters --help\` tells more.\n`);
      return 2;
    }
    try {
      const { config } = loadConfig(options.config);
      const { reader, sink } = createTables({ config, env: io.env });
      try {
        const letters = await asking(config, openLetters(reader, config.clickhouse.database));
        return await perform({ config, options, io, sink, letters: telling(letters, config) });
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

/** What the command cannot do, and what would help; not its user's mistake. */
class Unable extends Error {}

interface Work {
  readonly config: Config;
  readonly options: DeadLetterOptions;
  readonly io: CommandIo;
  readonly letters: DeadLetters;
  readonly sink: TableSink;
}

async function perform(work: Work): Promise<number> {
  const { options, config, letters, io } = work;
  if (!letters.exist) {
    const { url, database } = config.clickhouse;
    io.stderr.write(`${url} has no table ${database}.${DEAD_LETTERS.name}: no engine has written to it yet.\n`);
  }
  if (options.filter.ids !== undefined) await checkIds(options.filter, letters);
  if (options.verb === 'list') return list(work);
  return options.verb === 'show' ? show(work) : retry(work);
}

async function list({ options: { filter, limit, json }, letters, io }: Work): Promise<number> {
  const found = await letters.find(filter, { limit, order: 'newest', payload: false });
  const { letters: total, reasons } = await letters.count(filter);
  if (json) {
    const shown = found.map((letter) => letterJson(letter, false));
    io.stdout.write(jsonLine({ letters: shown, total, reasons: Object.fromEntries(reasons) }));
    return 0;
  }
  if (found.length > 0) io.stdout.write(`${letterTable(found, filter.reason, filter.retried)}\n`);
  const hidden = total > found.length ? `, ${count(found.length)} of them shown (--limit)` : '';
  const which = filter.retried ? '' : ' to retry';
  const about = total > EXACT ? 'about ' : '';
  io.stdout.write(
    `${about}${several(total, 'letter')}${which}${hidden}${total > 0 ? `: ${reasonList(reasons)}` : ''}\n`,
  );
  return 0;
}

async function show({ options: { filter, json }, letters, config, io }: Work): Promise<number> {
  const [letter] = await letters.find(filter, { limit: 1, order: 'newest', payload: true });
  if (letter === undefined) throw new Unable(`there is no letter ${filter.ids?.[0]?.text} any more`);
  const rehearsal = createDryRun(config, Date.now)(letter);
  if (json) io.stdout.write(jsonLine({ ...letterJson(letter, true), now: rehearsalJson(rehearsal, config) }));
  else io.stdout.write(letterText(letter, rehearsal, config));
  return 0;
}

async function retry({ options, letters, config, io, sink }: Work): Promise<number> {
  const { filter, dryRun, json } = options;
  let write: { readonly sink: TableSink; readonly owner: Owner | undefined } | undefined;
  if (!dryRun && letters.exist) {
    write = { sink, owner: await findOwner(config.data) };
    // The table gets the column that takes down what was retried, where an engine of an older version made it.
    await asking(config, sink.open([DEAD_LETTERS]));
  }
  const work = retryLetters(filter, { config, letters, write, now: Date.now, signal: io.signal });
  const report = await work.catch((error: NodeJS.ErrnoException) => {
    if (error.syscall === undefined) throw error;
    throw new Unable(`the letters could not be left for the engine: ${error.message}`);
  });
  io.stdout.write(json ? jsonLine(reportJson(report, dryRun)) : reportText(report, dryRun, config));
  if (report.unmarked === undefined) return 0;
  const why = `the last file is written and will be taken up, but its letters could not be marked as retried: ${report.unmarked}`;
  throw new Unable(`${why}. They are still listed; to retry them again does no harm`);
}

/** Each ID must mean one letter. */
async function checkIds(filter: DeadLetterFilter, letters: DeadLetters): Promise<void> {
  const { ids = [] } = filter;
  for (const id of ids) {
    const found = await letters.find({ ...filter, ids: [id] }, { limit: 3, order: 'newest', payload: false });
    if (found.length === 0)
      throw new Unable(`there is no letter ${id.text}; \`weir deadletters list --all\` shows those there are`);
    if (found.length > 1)
      throw new Unable(
        `${id.text} may be several letters: ${found.map(tellApart).join('; ')}. Name one in full, or by --topic`,
      );
  }
}

function tellApart(letter: DeadLetter): string {
  return `${idOf(letter)} of ${printable(letter.topic)}`;
}

/**
 * The user that the engine runs as, where this process may give files away; undefined where it is this one. Rejects where there is no
 * data folder, or where the engine could not read what this process writes.
 */
async function findOwner(data: string): Promise<Owner | undefined> {
  const folder = await stat(data).catch(() => undefined);
  if (folder?.isDirectory() !== true) {
    const where = 'Run this where the engine runs, or name the config that it runs with';
    throw new Unable(`there is no data folder ${data} here, in which letters are left for the engine. ${where}`);
  }
  // The folder may belong to somebody else, such as one that a container is given; what is in it was made by the engine.
  const segment = (await listSegments(data)).at(-1);
  const { uid, gid } = segment === undefined ? folder : await stat(segment.path).catch(() => folder);
  const user = process.getuid?.();
  if (user === 0) return { uid, gid };
  if (user === uid || segment === undefined) return undefined;
  throw new Unable(
    `the engine could not read what this user leaves in ${data}. Run this as its user (${uid}), or as root`,
  );
}

/** Whatever ClickHouse says is for the operator to read. */
async function asking<T>({ clickhouse: { url } }: Config, answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof TypeError) throw error;
    const { message } = error as Error;
    throw new Unable(
      error instanceof DeliveryError ? message : `ClickHouse at ${url} does not answer as it should: ${message}`,
    );
  }
}

/** The same letters, whose failures are told. */
function telling(letters: DeadLetters, config: Config): DeadLetters {
  return {
    exist: letters.exist,
    find: (filter, page) => asking(config, letters.find(filter, page)),
    count: (filter) => asking(config, letters.count(filter)),
  };
}
