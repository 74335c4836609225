import { formatTime } from '../../delivery/cloud-event.ts';
import type { Config } from '../../model/config.ts';
import { count, printable, printableLines, utf8Of } from '../../model/printable.ts';
import type { Reading } from '../../model/reading.ts';
import { type DeadLetter, type DeadLetterFault, idOf } from './dead-letter.ts';
import type { DryRun } from './dry-run.ts';

/** A number with its noun: `1 dead letter`, `1,234 dead letters`. */
export function formatCount(value: number, what: string): string {
  return `${count(value)} ${what}${value === 1 ? '' : 's'}`;
}

/** Most characters that a column is padded to. */
const WIDEST = 48;

/**
 * A table with a heading and one line for each dead letter, which shows the fault with `reason`, or else the first one. `retried` adds a column
 * with the time of the retry.
 */
export function deadLetterTable(letters: readonly DeadLetter[], reason: string | undefined, retried: boolean): string {
  const heads = ['id', 'time', 'stream', 'topic', 'reason', ...(retried ? ['retried'] : []), 'detail'];
  const rows = letters.map((letter) => {
    const shown = letter.faults.find((fault) => fault.reason === reason) ?? letter.faults[0]!;
    const { length } = letter.faults;
    const others = length > 1 ? ` (and ${formatCount(length - 1, 'fault')} more)` : '';
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
export function formatReasons(reasons: readonly (readonly [string, number])[]): string {
  return reasons.map(([reason, letters]) => `${reason} ${count(letters)}`).join(', ');
}

/** One dead letter in full. */
export function deadLetterText(letter: DeadLetter, result: DryRun, { streams }: Pick<Config, 'streams'>): string {
  const { at, topic, offset, payload, faults } = letter;
  const retried = faults.find(({ retriedAt }) => retriedAt !== undefined)?.retriedAt;
  return [
    `id        ${idOf(letter)}`,
    `received  ${formatTime(at)}`,
    `retried   ${retried === undefined ? 'not yet' : formatTime(retried)}`,
    `topic     ${printable(topic)}`,
    `offset    ${offset}`,
    ...faults.map((fault, i) => `${i === 0 ? 'faults' : '      '}    ${faultText(fault)}`),
    `payload   ${formatCount(payload.length, 'byte')}`,
    payloadText(payload),
    `now       ${outcomeOf(result)}`,
    ...('faults' in result ? result.faults.map((fault) => `  ${printable(`${fault.reason}: ${fault.detail}`)}`) : []),
    ...('readings' in result
      ? result.readings.map((reading) => `  ${printable(JSON.stringify(shownReading(reading, streams)))}`)
      : []),
    '',
  ].join('\n');
}

function faultText({ stream, reason, detail }: DeadLetterFault): string {
  return printable(`${reason}${stream === '' ? '' : ` (${stream})`}: ${detail}`);
}

/** How the current config decodes a dead letter, in one clause. */
export function outcomeOf(result: DryRun): string {
  if (result.kind === 'nothing') return `nothing to redrive: ${result.why}`;
  const { kind, readings, faults } = result;
  const still = `${formatCount(faults.length, 'fault')}${readings.length === 0 ? '' : `, and ${formatCount(readings.length, 'reading')}`}`;
  if (kind === 'fails') return `still fails: ${still}`;
  return `can be redriven: ${formatCount(readings.length, 'reading')}${faults.length === 0 ? '' : `, and ${formatCount(faults.length, 'fault')}`}`;
}

/** A reading with the names of its stream, as it would be stored. */
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

/** Sixteen bytes per line: position, hexadecimal, and ASCII characters. */
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

/** A dead letter as JSON. With `payload`, it includes the payload: as text, or as base64 if it is not text. */
export function deadLetterJson(letter: DeadLetter, payload: boolean): object {
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

/** The result of a dry run as JSON. */
export function dryRunJson(result: DryRun, { streams }: Pick<Config, 'streams'>): object {
  if (result.kind === 'nothing') return result;
  const { kind, readings, faults } = result;
  return {
    kind,
    readings: readings.map((reading) => shownReading(reading, streams)),
    faults: faults.map(({ reason, detail }) => ({ reason, detail })),
  };
}
