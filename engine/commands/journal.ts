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

/** `weir journal`: what the journal of a stopped or running engine holds, and how to mend it. */
export const journal: Command = {
  name: 'journal',
  summary: 'Verify, dump or repair the journal of a data folder',
  help: `Usage: weir journal verify|dump|repair [--config FILE | --data FOLDER] [--from OFFSET] [--to OFFSET] [--json]

  verify   reads every record, and says of each segment what is damaged; changes nothing
  dump     prints records, one JSON object a line: offset, at, kind, and of a message topic and payload
           (as text, or base64 where it is none); \`redriven\` where it is a dead letter that came again
  repair   writes damaged segments anew without the bytes that are no records, and keeps the damaged
           files beside them as NAME.damaged; the engine must be stopped

The engine itself goes on behind damage too, and says what is lost: to repair brings nothing back.

  --config FILE    default: deploy/weir.json; its \`data\` is the folder
  --data FOLDER    the folder itself
  --from, --to     dump: the first offset, and the one to stop in front of
  --json           verify: one JSON object a segment

Exit code: 0 sound, or mended; 1 damaged, or not mended; 2 used wrongly.`,
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
      if (!existsSync(folder)) return misused(io, `there is no folder ${folder}; name one with --data`);
      return await verb(folder, { from, to, json: values.json }, io);
    } catch (error) {
      if (!(error instanceof InvalidInput)) throw error;
      for (const each of error.problems) io.stderr.write(`${formatProblem(each)}\n`);
      return 2;
    }
  },
};

function findMisuse(verb: Verb | undefined, rest: readonly string[], range: { from: number; to: number }) {
  if (verb === undefined) return `say what to do: ${Object.keys(VERBS).join(', ')}`;
  if (rest.length > 0) return `"${rest[0]}" is one word too many`;
  const [from, to] = [range.from, range.to].map(
    (offset) => offset >= 0 && (offset === Infinity || Number.isSafeInteger(offset)),
  );
  return from && to ? undefined : '--from and --to are offsets: whole numbers from 0 up';
}

function misused(io: CommandIo, problem: string): number {
  io.stderr.write(`weir journal: ${problem}.\n\`weir journal --help\` tells more.\n`);
  return 2;
}

async function verify(folder: string, { json }: Options, io: CommandIo): Promise<number> {
  let last: SegmentSurvey | undefined;
  let segments = 0;
  let records = 0;
  let damaged = 0;
  for await (const survey of surveyJournal(folder)) {
    // Only the end of the last segment may be what a crash left.
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
        // A pipe that is slower than the disk must not fill the memory.
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
      io.stderr.write('weir journal: no segment tells the id of the journal; restore one, or move the folder aside.\n');
      return 1;
    }
    const broken = surveys.filter((survey) => !isSound(survey));
    for (const survey of broken) {
      const kept = await repairSegment(survey, journalId!);
      io.stdout.write(`${survey.segment.path}: written anew, ${survey.records} records; the damaged file is ${kept}\n`);
    }
    io.stdout.write(`${broken.length} of ${surveys.length} segments mended\n`);
    return 0;
  } finally {
    unlock();
  }
}
