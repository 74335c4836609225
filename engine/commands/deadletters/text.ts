import { formatTime } from '../../delivery/cloud-event.ts';
import type { Config } from '../../model/config.ts';
import { count, printable, printableLines, utf8Of } from '../../model/printable.ts';
import type { Reading } from '../../model/reading.ts';
import { type DeadLetter, type DeadLetterFault, idOf } from './dead-letter.ts';
import type { DryRun } from './dry-run.ts';

/** `1 letter`, `1,234 letters` */
export function several(value: number, what: string): string {
  return `${count(value)} ${what}${value === 1 ? '' : 's'}`;
}

/** The widest that a column in front of others gets for it to stay straight. */
const WIDEST = 48;

/** A line for each letter, under a line of heads; with `retried`, when each was. `reason`: which of its faults is looked for. */
export function letterTable(letters: readonly DeadLetter[], reason: string | undefined, retried: boolean): string {
  const heads = ['id', 'time', 'stream', 'topic', 'reason', ...(retried ? ['retried'] : []), 'detail'];
  const rows = letters.map((letter) => {
    const shown = letter.faults.find((fault) => fault.reason === reason) ?? letter.faults[0]!;
    const { length } = letter.faults;
    const others = length > 1 ? ` (and ${several(length - 1, 'fault')} more)` : '';
    const again = shown.retriedAt === undefined ? '-' : formatTime(shown.retriedAt);
    const front = [idOf(letter), formatTime(letter.at), shown.stream || '-', letter.topic, shown.reason];
    return [...front, ...(retried ? [again] : []), shown.detail + others].map((text) => printable(text));
  });
  const lines = [heads, ...rows];
  const widths = heads.map((_, i) => Math.min(WIDEST, Math.max(...lines.map((line) => line[i]!.length))));
  return lines
    .map((line) => `${line.map((text, i) => text.padEnd(i === line.length - 1 ? 0 : widths[i]!)).join('  ')}\n`)
    .join('');
}

/** `wrong-type 1,200, malformed 34` */
export function reasonList(reasons: readonly (readonly [string, number])[]): string {
  return reasons.map(([reason, letters]) => `${reason} ${count(letters)}`).join(', ');
}

/** Everything of one letter. */
export function letterText(letter: DeadLetter, rehearsal: DryRun, { streams }: Pick<Config, 'streams'>): string {
  const { at, topic, offset, payload, faults } = letter;
  const retried = faults.find(({ retriedAt }) => retriedAt !== undefined)?.retriedAt;
  return [
    `letter    ${idOf(letter)}`,
    `received  ${formatTime(at)}`,
    `retried   ${retried === undefined ? 'not yet' : formatTime(retried)}`,
    `topic     ${printable(topic)}`,
    `offset    ${offset}`,
    ...faults.map((fault, i) => `${i === 0 ? 'faults' : '      '}    ${faultText(fault)}`),
    `payload   ${several(payload.length, 'byte')}`,
    payloadText(payload),
    `now       ${outcomeOf(rehearsal)}`,
    ...('faults' in rehearsal
      ? rehearsal.faults.map((fault) => `  ${printable(`${fault.reason}: ${fault.detail}`)}`)
      : []),
    ...('readings' in rehearsal
      ? rehearsal.readings.map((reading) => `  ${printable(JSON.stringify(shownReading(reading, streams)))}`)
      : []),
    '',
  ].join('\n');
}

function faultText({ stream, reason, detail }: DeadLetterFault): string {
  return printable(`${reason}${stream === '' ? '' : ` (${stream})`}: ${detail}`);
}

/** What the config of now makes of a letter, in one clause. */
export function outcomeOf(rehearsal: DryRun): string {
  if (rehearsal.kind === 'nothing') return `nothing to redrive: ${rehearsal.why}`;
  const { kind, readings, faults } = rehearsal;
  const still = `${several(faults.length, 'fault')}${readings.length === 0 ? '' : `, and ${several(readings.length, 'reading')}`}`;
  if (kind === 'fails') return `still fails: ${still}`;
  return `can be redriven: ${several(readings.length, 'reading')}${faults.length === 0 ? '' : `, and ${several(faults.length, 'fault')}`}`;
}

/** A reading by the names of its stream, as it would be stored. */
function shownReading(reading: Reading, streams: Config['streams']): object {
  const { name, labels, fields } = streams[reading.stream]!;
  return {
    stream: name,
    device: reading.device,
    time: formatTime(reading.time),
    ...Object.fromEntries(labels.map((label, i) => [label.name, reading.labels[i]])),
    ...Object.fromEntries(fields.map((field, i) => [field.name, reading.values[i]])),
    ...(reading.extra !== undefined && { extra: reading.extra }),
  };
}

function payloadText(payload: Buffer): string {
  const text = utf8Of(payload);
  return text === undefined ? hexDump(payload) : printableLines(text);
}

const DUMP_WIDTH = 16;

/** Sixteen bytes a line: place, hex, and what is ASCII. */
export function hexDump(bytes: Buffer): string {
  const lines: string[] = [];
  for (let at = 0; at < bytes.length; at += DUMP_WIDTH) {
    const part = bytes.subarray(at, at + DUMP_WIDTH);
    const hex = Array.from(part, (byte) => byte.toString(16).padStart(2, '0')).join(' ');
    const ascii = Array.from(part, (byte) => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '.')).join('');
    lines.push(`${at.toString(16).padStart(8, '0')}  ${hex.padEnd(DUMP_WIDTH * 3 - 1)}  ${ascii}`);
  }
  return lines.join('\n');
}

/** A letter as JSON, with its payload as text, or base64 where it is none, where it was asked for. */
export function letterJson(letter: DeadLetter, payload: boolean): object {
  const { at, offset, topic, bytes, faults } = letter;
  const text = utf8Of(letter.payload);
  return {
    id: idOf(letter),
    time: formatTime(at),
    offset,
    topic,
    bytes,
    faults: faults.map(({ stream, reason, detail, retriedAt }) => ({
      stream,
      reason,
      detail,
      retried: retriedAt === undefined ? null : formatTime(retriedAt),
    })),
    ...(payload && (text === undefined ? { base64: letter.payload.toString('base64') } : { payload: text })),
  };
}

/** A rehearsal as JSON. */
export function rehearsalJson(rehearsal: DryRun, { streams }: Pick<Config, 'streams'>): object {
  if (rehearsal.kind === 'nothing') return rehearsal;
  const { kind, readings, faults } = rehearsal;
  return {
    kind,
    readings: readings.map((reading) => shownReading(reading, streams)),
    faults: faults.map(({ reason, detail }) => ({ reason, detail })),
  };
}
