import { MAX_DEPTH } from '../document/syntax.ts';
import { type Cell, type CsvFault, readCsv } from './csv.ts';

/** A column of attributes: the path of the attribute. */
type Column = readonly string[];

const DEVICE = 'device';
const NUMBER = /^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/;

/**
 * Reads attributes from a CSV table. The first row names the columns; one of them is `device`, and dots in a name make nested objects. A cell
 * with the text of a number, `true` or `false` is a number or boolean. An empty cell is no attribute.
 */
export function readAttributeTable(
  text: string,
  onDevice: (device: string, attributes: object, offset: number) => void,
  onFault: (fault: CsvFault) => void,
): void {
  let header: { readonly device: number; readonly columns: readonly Column[] } | undefined;
  let rows = 0;
  const onRow = (cells: readonly Cell[]) => {
    rows += 1;
    if (rows === 1) header = readHeader(cells, onFault);
    if (rows === 1 || header === undefined) return;
    const { device, columns } = header;
    if (cells.length !== columns.length) {
      const message = `The row has ${cells.length} cells, but there are ${columns.length} columns.`;
      onFault({ code: 'row-length', offset: cells[0]!.offset, message, remedy: 'Add or remove commas.' });
      return;
    }
    const attributes = {};
    cells.forEach((cell, i) => {
      if (i !== device && cell.text !== '') setAt(attributes, columns[i]!, readCell(cell.text));
    });
    onDevice(cells[device]!.text, attributes, cells[device]!.offset);
  };
  readCsv(text, onRow, onFault);
  if (rows > 0) return;
  const remedy = 'Name the columns in its first line, like device,limits.temp';
  onFault({ code: 'empty', offset: 0, message: 'The file is empty.', remedy });
}

/** Reads the first row. Undefined if the columns have faults, so that the rows cannot be read. */
function readHeader(cells: readonly Cell[], onFault: (fault: CsvFault) => void) {
  const names = cells.map(({ text }) => text);
  let sound = true;
  const refuse = (i: number, code: string, message: string, remedy: string) => {
    sound = false;
    onFault({ code, offset: cells[i]!.offset, message, remedy });
  };
  const seen = new Set<string>();
  names.forEach((name, i) => {
    const path = name.split('.');
    if (path.length >= MAX_DEPTH) {
      const message = `A column name nests deeper than ${MAX_DEPTH} levels.`;
      refuse(i, 'too-deep', message, 'Use fewer dots.');
    } else if (path.some((part) => part === '' || part === '__proto__')) {
      refuse(i, 'bad-column', `"${name}" is not a valid column name.`, 'Write it like model or limits.temp.');
    } else if (seen.has(name)) {
      refuse(i, 'duplicate-column', `The column "${name}" is in the table twice.`, 'Keep one of the two.');
    } else {
      const parent = path.slice(0, -1).map((_, depth) => path.slice(0, depth + 1).join('.'));
      const clash = parent.find((each) => names.includes(each));
      const message = `"${clash}" cannot be both a value and the parent of "${name}".`;
      if (clash !== undefined) refuse(i, 'column-clash', message, 'Rename one of the two columns.');
    }
    seen.add(name);
  });
  const device = names.indexOf(DEVICE);
  if (device < 0 && sound) {
    const remedy = names.length === 1 && /[;\t]/.test(names[0]!) ? 'Separate cells with commas.' : 'Add it.';
    refuse(0, 'missing-column', 'There is no column "device".', remedy);
  }
  return sound ? { device, columns: names.map((name) => name.split('.')) } : undefined;
}

/** The value of a cell. A number that a double cannot hold exactly, such as a long serial number, stays a text. */
function readCell(text: string): string | number | boolean {
  if (text === 'true' || text === 'false') return text === 'true';
  if (!NUMBER.test(text)) return text;
  const value = Number(text);
  const exact = Number.isInteger(value) ? Number.isSafeInteger(value) : Number.isFinite(value);
  return exact ? value : text;
}

function setAt(attributes: object, path: Column, value: string | number | boolean): void {
  let inner = attributes as Record<string, unknown>;
  for (const key of path.slice(0, -1)) {
    if (!Object.hasOwn(inner, key)) inner[key] = {};
    inner = inner[key] as Record<string, unknown>;
  }
  inner[path.at(-1)!] = value;
}
