import { createLines } from '../document/document.ts';
import type { Problem } from '../document/problem.ts';
import { MAX_ATTRIBUTED_DEVICES } from '../model/attributes.ts';
import { isObject } from '../model/json-object.ts';
import { readAttributeTable } from './attribute-csv.ts';
import { attributesText, type EntryFault } from './attribute-entry.ts';
import { readJson } from './attribute-json.ts';

/** The largest number of problems that are reported for one file. More would mostly repeat them. */
const MAX_PROBLEMS = 50;

/**
 * Reads a file of attributes into JSON texts by device. A file whose name ends in `.csv` is CSV, any other is JSON. If the file has any
 * problem, `entries` is undefined, because the file may be only half written.
 */
export function parseAttributeFile(
  file: string,
  text: string,
): { entries: ReadonlyMap<string, string> | undefined; problems: readonly Problem[] } {
  const body = text.startsWith('\uFEFF') ? text.slice(1) : text;
  const locate = createLines(body);
  const entries = new Map<string, string>();
  const problems: Problem[] = [];
  const report = ({ code, message, remedy }: EntryFault, offset: number) => {
    if (problems.length >= MAX_PROBLEMS) return;
    problems.push({ code, severity: 'error', file, ...locate(offset), message, remedy });
  };
  const add = (device: string, value: unknown, offset: number) => {
    const entry = attributesText(device, value);
    if (typeof entry !== 'string') report(entry, offset);
    else if (entries.size >= MAX_ATTRIBUTED_DEVICES && !entries.has(device)) reportCrowd(offset, report);
    else entries.set(device, entry);
  };
  if (file.endsWith('.csv')) readTable(body, entries, add, report);
  else readObject(body, add, report);
  problems.sort((a, b) => a.line - b.line || a.column - b.column);
  return { entries: problems.length > 0 ? undefined : entries, problems };
}

type Add = (device: string, value: unknown, offset: number) => void;
type Report = (fault: EntryFault, offset: number) => void;

function readTable(text: string, entries: ReadonlyMap<string, string>, add: Add, report: Report): void {
  const onDevice: Add = (device, value, offset) => {
    if (!entries.has(device)) return add(device, value, offset);
    const message = `The device "${device}" is in the table twice.`;
    report({ code: 'duplicate-device', message, remedy: 'Keep one of the two rows.' }, offset);
  };
  readAttributeTable(text, onDevice, (fault) => report(fault, fault.offset));
}

function readObject(text: string, add: Add, report: Report): void {
  const read = readJson(text);
  for (const fault of read.faults) report(fault, fault.offset);
  if (!('value' in read)) return;
  const { value, keys } = read;
  if (!isObject(value)) {
    const remedy = 'Write devices with their attributes, like { "dev-1": { "limits": { "temp": 70 } } }.';
    report({ code: 'not-an-object', message: 'The file is not an object.', remedy }, 0);
    return;
  }
  for (const [device, attributes] of Object.entries(value)) add(device, attributes, keys.get(device) ?? 0);
}

function reportCrowd(offset: number, report: Report): void {
  const message = `There are more than ${MAX_ATTRIBUTED_DEVICES} devices.`;
  report({ code: 'too-many', message, remedy: 'Remove the devices whose attributes no rule uses.' }, offset);
}
