import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readCsv } from '../../../engine/devices/csv.ts';
import { type Comparison, countRight, cpuRatio } from './measure.ts';

/** The rows and the offset of the first fault. */
interface Read {
  readonly rows: readonly (readonly string[])[];
  readonly fault?: number;
}

type Reader = (text: string) => Read;

/** Texts that are not CSV by RFC 4180. The faulty cell is between two bars, which are not part of the text. */
const FAULTY = [
  'device,a\nd1,|"x\n|',
  'device,a\nd1,|x"y|\n',
  'device,a\nd1,|"x"y|\n',
  'device,a\nd1,|"x" |\n',
  'device,a\nd1,| "x"|\n',
  'device,a\nd1,x\nd2,|"a"b"|\n',
  'device,a\r\nd1,|"x\r\n\r\nd2,y\r\n|',
  'device,a\nd1,"two\nlines",|x"|\n',
].map((marked) => {
  const [before = '', cell = '', after = ''] = marked.split('|');
  return { text: before + cell + after, from: before.length, to: before.length + cell.length };
});

const TABLE = `device,site,limits.temp,note\n${Array.from({ length: 5_000 }, (_, i) => `dev-${i},"site ""${i % 9}""",${i % 90}.5,plain text\n`).join('')}`;

/** Compares with csv-spectrum, faulty tables, and a table of 5,000 devices. */
export const compareCsv: Comparison = async (candidates) => {
  type Papa = { parse: (text: string, options: object) => { data: string[][]; errors: { index?: number }[] } };
  const papa = await candidates.load<Papa>('papaparse');
  type CsvParse = { parse: (text: string, options: object) => string[][] };
  const { parse } = await candidates.load<CsvParse>('csv-parse/sync');
  const papaparse: Reader = (text) => {
    const { data, errors } = papa.parse(text, { skipEmptyLines: true, delimiter: ',' });
    const [fault] = errors.map(({ index = 0 }) => index);
    return { rows: data, ...(fault !== undefined && { fault }) };
  };
  const csvParse: Reader = (text) => {
    try {
      return { rows: parse(text, { skip_empty_lines: true }) };
    } catch (error) {
      // The library counts the bytes up to the comma before the cell.
      return { rows: [], fault: (error as { bytes: number }).bytes + 1 };
    }
  };
  const spectrum = readSpectrum(join(candidates.folder, 'node_modules/csv-spectrum'));
  const right = (read: Reader) => countRight(spectrum, ([text, json]) => isRight(read(text), json));
  return Object.entries({ papaparse, 'csv-parse': csvParse }).map(([candidate, read]) => ({
    thing: 'CSV',
    candidate,
    right: { of: 'files of csv-spectrum', ours: right(ours), theirs: right(read), total: spectrum.length },
    cpu: cpuRatio(
      () => ours(TABLE),
      () => read(TABLE),
    ),
    note: `faulty cell found in ${countFound(read)} of ${FAULTY.length} tables, ours ${countFound(ours)}`,
  }));
};

const ours: Reader = (text) => {
  const rows: string[][] = [];
  const faults: number[] = [];
  readCsv(
    text,
    (cells) => rows.push(cells.map((cell) => cell.text)),
    ({ offset }) => faults.push(offset),
  );
  return { rows, ...(faults[0] !== undefined && { fault: faults[0] }) };
};

function countFound(read: Reader): number {
  return countRight(FAULTY, ({ text, from, to }) => {
    const { fault = -1 } = read(text);
    return fault >= from && fault < to;
  });
}

function readSpectrum(folder: string): (readonly [text: string, json: unknown])[] {
  return readdirSync(join(folder, 'csvs')).map((name) => [
    readFileSync(join(folder, 'csvs', name), 'utf8'),
    JSON.parse(readFileSync(join(folder, 'json', name.replace('.csv', '.json')), 'utf8')) as unknown,
  ]);
}

function isRight({ rows: [header = [], ...rows], fault }: Read, json: unknown): boolean {
  const objects = rows.map((row) => Object.fromEntries(header.map((name, i) => [name, row[i]])));
  return fault === undefined && JSON.stringify(objects) === JSON.stringify(json);
}
