import { existsSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { formatProblem, InvalidInput } from '../document/problem.ts';
import { lockFolder } from '../journal/lock.ts';
import { listSegments, readSegment } from '../journal/segment.ts';
import { isSound, repairSegment, type SegmentSurvey, surveyJournal } from '../journal/survey.ts';
import { jsonLine, utf8Of } from '../model/printable.ts';
import type { JournalRecord } from '../model/record.ts';
import type { Command, CommandIo } from './command.ts';
import { loadConfig } from './load.ts';

interface Options {
  readonly from: number;
  readonly to: number;
  readonly json: boolean;
}

type Verb = (folder: string, options: Options, io: CommandIo) => Promise<number>;

const VERBS: Readonly<Record<string, Verb>> = { verify, dump, repair };

/** `weir journal`: verifies, prints or repairs the journal of a data folder. */
export const journal: Command = {
  name: 'journal',
  summary: 'Verify, dump or repair the journal of a data folder',
  help: `Usage: weir journal verify|dump|repair [--config FILE | --data FOLDER] [--from OFFSET] [--to OFFSET] [--json]

  verify   reads every record and reports the damage of each segment; changes nothing
  dump     prints records, one JSON object per line: offset, at, kind; for a message also topic and payload
           (as text, or as base64 if it is not text), and \`redriven\` if it is a retried dead letter
  repair   writes damaged segments again without the bytes that are no record, and keeps the damaged
           files as NAME.damaged; the engine must be stopped

The engine also continues after damage, and logs the lost records. Repair does not restore lost records.

  --config FILE    default: deploy/weir.json; its \`data\` is the folder
  --data FOLDER    the folder itself
  --from, --to     dump: the first offset, and the first offset not to print
  --json           verify: one JSON object per segment

Exit code: 0 no damage, or repaired; 1 damaged, or not repaired; 2 wrong use.`,
  async run(args, io) {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        config: { type: 'string', default: 'deploy/weir.json' },
        data: { type: 'string' },
        from: { type: 'string', default: '0' },
        to: { type: 'string' },
        json: { type: 'boolean', default: false },
      },
    });
    const [name = '', ...rest] = positionals;
    const verb = Object.hasOwn(VERBS, name) ? VERBS[name] : undefined;
    const from = Number(values.from);
    const to = values.to === undefined ? Number.POSITIVE_INFINITY : Number(values.to);
    const problem = findMisuse(verb, rest, { from, to });
    if (verb === undefined || problem !== undefined) return misused(io, problem ?? '');
    try {
      const folder = values.data ?? loadConfig(values.config).config.data;
      if (!existsSync(folder)) return misused(io, `there is no folder ${folder}; name the data folder with --data`);
      return await verb(folder, { from, to, json: values.json }, io);
    } catch (error) {
      if (!(error instanceof InvalidInput)) throw error;
      for (const each of error.problems) io.stderr.write(`${formatProblem(each)}\n`);
      return 2;
    }
  },
};

function findMisuse(verb: Verb | undefined, rest: readonly string[], range: { from: number; to: number }) {
  if (verb === undefined) return `name an action: ${Object.keys(VERBS).join(', ')}`;
  if (rest.length > 0) return `unexpected argument "${rest[0]}"`;
  const [from, to] = [range.from, range.to].map(
    (offset) => offset >= 0 && (offset === Infinity || Number.isSafeInteger(offset)),
  );
  return from && to ? undefined : '--from and --to are offsets: whole numbers, 0 or more';
}

function misused(io: CommandIo, problem: string): number {
  io.stderr.write(`weir journal: ${problem}.\n\`weir journal --help\` describes the command.\n`);
  return 2;
}

async function verify(folder: string, { json }: Options, io: CommandIo): Promise<number> {
  let last: SegmentSurvey | undefined;
  let segments = 0;
  let records = 0;
  let damaged = 0;
  for await (const survey of surveyJournal(folder)) {
    // Only at the end of the last segment, such bytes may be the rest of a crash instead of damage.
    if (last !== undefined && last.tailBytes > 0 && isSound({ ...last, tailBytes: 0 })) damaged += 1;
    if (!isSound({ ...survey, tailBytes: 0 }) || survey.missing > 0) damaged += 1;
    segments += 1;
    records += survey.records;
    io.stdout.write(json ? jsonLine(jsonOf(survey)) : textOf(survey));
    last = survey;
  }
  if (!json) io.stdout.write(`${segments} segments, ${records} records, ${damaged} damaged\n`);
  return damaged === 0 ? 0 : 1;
}

function jsonOf({ segment, header, records, nextOffset, damages, tailBytes, missing }: SegmentSurvey) {
  const { path, firstOffset, bytes } = segment;
  return { path, bytes, firstOffset, nextOffset, records, missing, header: header !== undefined, damages, tailBytes };
}

function textOf({ segment, header, records, nextOffset, damages, tailBytes, missing }: SegmentSurvey): string {
  const range = records === 0 ? 'no records' : `records ${segment.firstOffset} to ${nextOffset - 1}`;
  const lines = [`${segment.path}: ${segment.bytes} bytes, ${range}`];
  if (header === undefined) lines.push('  the header cannot be read');
  for (const { from, to } of damages) lines.push(`  damaged from byte ${from} to ${to}`);
  if (missing > 0) lines.push(`  ${missing} records are missing`);
  if (tailBytes > 0) lines.push(`  ${tailBytes} bytes at the end are no record`);
  return `${lines.join('\n')}\n`;
}

async function dump(folder: string, { from, to }: Options, io: CommandIo): Promise<number> {
  const segments = await listSegments(folder);
  for (const [i, segment] of segments.entries()) {
    const next = segments[i + 1]?.firstOffset ?? Number.POSITIVE_INFINITY;
    if (next <= from) continue;
    if (segment.firstOffset >= to) return 0;
    for await (const part of readSegment(segment)) {
      if (part.kind !== 'records') continue;
      for (const record of part.records) {
        if (io.signal.aborted || record.offset >= to) return 0;
        if (record.offset < from) continue;
        // Wait for a slow pipe, so that output does not fill the memory.
        if (!io.stdout.write(jsonLine(shownRecord(record)))) {
          await new Promise<void>((resolve) => io.stdout.once('drain', resolve));
        }
      }
    }
  }
  return 0;
}

function shownRecord(record: JournalRecord): object {
  const at = new Date(record.at).toISOString();
  if (record.kind !== 'message') return { ...record, at };
  const { payload, ...rest } = record;
  const bytes = Buffer.from(payload);
  const text = utf8Of(bytes);
  return {
    ...rest,
    at,
    ...(text === undefined ? { base64: bytes.toString('base64') } : { payload: text }),
  };
}

async function repair(folder: string, _options: Options, io: CommandIo): Promise<number> {
  let unlock: () => void;
  try {
    unlock = lockFolder(folder);
  } catch (error) {
    io.stderr.write(`weir journal: ${(error as Error).message}\n`);
    return 1;
  }
  try {
    const surveys: SegmentSurvey[] = [];
    for await (const survey of surveyJournal(folder)) surveys.push(survey);
    const journalId = surveys.find(({ header }) => header !== undefined)?.header?.journalId;
    if (journalId === undefined && surveys.length > 0) {
      io.stderr.write(
        'weir journal: no segment has a readable header, so the id of the journal is unknown. Restore a segment from a backup, or move the folder away to begin a new journal.\n',
      );
      return 1;
    }
    const broken = surveys.filter((survey) => !isSound(survey));
    for (const survey of broken) {
      const kept = await repairSegment(survey, journalId!);
      io.stdout.write(`${survey.segment.path}: repaired, ${survey.records} records; the damaged file is ${kept}\n`);
    }
    io.stdout.write(`${broken.length} of ${surveys.length} segments repaired\n`);
    return 0;
  } finally {
    unlock();
  }
}
