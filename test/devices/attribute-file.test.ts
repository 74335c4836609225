import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseAttributeFile } from '../../engine/devices/attribute-file.ts';
import { formatProblem } from '../../engine/document/problem.ts';

function entriesOf(file: string, text: string): Record<string, unknown> {
  const { entries, problems } = parseAttributeFile(file, text);
  expect(problems.map(formatProblem)).toEqual([]);
  return Object.fromEntries(Array.from(entries!, ([device, json]) => [device, JSON.parse(json)]));
}

function problemsOf(file: string, text: string): string[] {
  const { entries, problems } = parseAttributeFile(file, text);
  expect(entries === undefined).toBe(problems.length > 0);
  return problems.map(({ line, column, code }) => `${line}:${column} ${code}`);
}

describe('a JSON file of attributes', () => {
  it('has an object for each device', () => {
    const text = '\uFEFF{ "dev-1": { "limits": { "temp": 70 }, "model": "X" },\n "dé 2": {} }';
    expect(entriesOf('a.json', text)).toEqual({ 'dev-1': { limits: { temp: 70 }, model: 'X' }, 'dé 2': {} });
  });

  it.each([
    ['', '1:1 syntax'],
    ['{', '1:2 syntax'],
    ['[]', '1:1 not-an-object'],
    ['{\n "d1": 5,\n "d2": []\n}', '2:2 not-an-object', '3:2 not-an-object'],
    ['{\n "d1": {},\n "d1": {}\n}', '3:2 duplicate-key'],
    ['{ "d1": {\n "a": 1, "a": 2 } }', '2:10 duplicate-key'],
    ['{ "d1": { "a": { "__proto__": 1 } } }', '1:18 forbidden-key'],
    ['{ "\\u005f_proto__": {} }', '1:3 forbidden-key'],
    ['{ "d1": { "a": 1e999 } }', '1:16 bad-number'],
    ['{ "": {} }', '1:3 bad-device'],
    [`{ "${'x'.repeat(257)}": {} }`, '1:3 bad-device'],
    [`{ "d1": { "a": "${'é'.repeat(32_765)}" } }`, '1:3 too-large'],
    [`{ "d1": ${'{"a":'.repeat(200)}1${'}'.repeat(200)} }`, '1:504 too-deep'],
    ['{ "d1": {} // x\n}', '1:12 syntax'],
  ])('is refused if it is %j', (text, ...expected) => expect(problemsOf('a.json', text)).toEqual(expected));

  it('may have attributes of exactly 64 KiB', () => {
    const text = JSON.stringify({ d1: { a: 'x'.repeat(65_536 - '{"a":""}'.length) } });
    expect(parseAttributeFile('a.json', text).problems).toEqual([]);
  });

  it('reports at most fifty problems', () => {
    const many = Object.fromEntries(Array.from({ length: 99 }, (_, i) => [`d${i}`, i]));
    expect(problemsOf('a.json', JSON.stringify(many))).toHaveLength(50);
  });
});

describe('a CSV file of attributes', () => {
  it('has a row for each device and a column for each attribute; dots in a column name make nested objects', () => {
    const text =
      'model,device,limits.temp,limits.hum,spare\r\n"X, ""new""",d1,70,-1.5e1,true\r\nY,d2,,007,false\n\nZ,d3,,,';
    expect(entriesOf('a.csv', text)).toEqual({
      d1: { model: 'X, "new"', limits: { temp: 70, hum: -15 }, spare: true },
      d2: { model: 'Y', limits: { hum: '007' }, spare: false },
      d3: { model: 'Z' },
    });
  });

  it.each([
    ['"70"', 70],
    ['True', 'True'],
    ['1.', '1.'],
    ['+1', '+1'],
    ['0x10', '0x10'],
    ['1e999', '1e999'],
    ['9007199254740993', '9007199254740993'],
    ['-0.25', -0.25],
    ['" 70"', ' 70'],
    ['"a\nb"', 'a\nb'],
    ['constructor', 'constructor'],
  ])('reads the cell %s as %j', (cell, value) => {
    expect(entriesOf('a.csv', `device,a\nd1,${cell}\n`)).toEqual({ d1: { a: value } });
  });

  it.each([
    ['', '1:1 empty'],
    ['device;a\nd1;1', '1:1 missing-column'],
    ['a,b\n1,2', '1:1 missing-column'],
    ['device,a,a\n', '1:10 duplicate-column'],
    ['device,a.b,a\n', '1:8 column-clash'],
    ['device,a..b,x.__proto__,\n', '1:8 bad-column', '1:13 bad-column', '1:25 bad-column'],
    [`device,${'a.'.repeat(20_000)}b,a\nd1,1,2\n`, '1:8 too-deep'],
    ['device,a\nd1,1\nd1,2', '3:1 duplicate-device'],
    ['device,a\nd1\nd2,1,2\n', '2:1 row-length', '3:1 row-length'],
    ['device,a\n,1\n', '2:1 bad-device'],
    ['device,a\nd1, 1\n', '2:4 stray-blank'],
    ['device,a\nd1,x"y\n', '2:5 syntax'],
    ['device,a\nd1,"x"y\nd2,1', '2:7 syntax'],
    ['device,a\nd1,"x\nd2,1', '2:4 syntax'],
  ])('is refused if it is %j', (text, ...expected) => expect(problemsOf('a.csv', text)).toEqual(expected));

  it('with semicolons is refused with the remedy to use commas', () => {
    const [problem] = parseAttributeFile('devices.csv', 'device;model\nd1;X').problems;
    expect(formatProblem(problem!)).toBe(
      'devices.csv:1:1: error: There is no column "device". [missing-column]\n    Separate cells with commas.',
    );
  });

  it('is read to the same texts that were written, with any quoting', () => {
    const cell = fc.record({ text: fc.string({ unit: fc.constantFrom(...'a,"\n\r é\\;') }), quoted: fc.boolean() });
    const rows = fc.array(fc.array(cell, { minLength: 2, maxLength: 2 }), { maxLength: 8 });
    fc.assert(
      fc.property(rows, fc.constantFrom('\n', '\r\n'), (rows, end) => {
        const write = ({ text, quoted }: { text: string; quoted: boolean }) =>
          quoted || /[",\r\n]/.test(text) || text.trim() !== text ? `"${text.replaceAll('"', '""')}"` : text;
        const lines = rows.map((cells, i) => [`d${i}`, ...cells.map(write)].join(','));
        const expected = rows.map(([a, b], i) => [
          `d${i}`,
          { ...(a!.text !== '' && { a: a!.text }), ...(b!.text !== '' && { b: b!.text }) },
        ]);
        expect(entriesOf('a.csv', ['device,a,b', ...lines].join(end))).toEqual(Object.fromEntries(expected));
      }),
    );
  });
});

it('both kinds of file give the same attributes', () => {
  const value = fc.oneof(fc.integer(), fc.boolean(), fc.string({ unit: fc.constantFrom(...'abXY'), minLength: 1 }));
  const device = fc.record({ model: value, limits: fc.record({ temp: value, hum: value }) });
  fc.assert(
    fc.property(fc.array(device), (devices) => {
      const all = Object.fromEntries(devices.map((each, i) => [`d${i}`, each]));
      const lines = devices.map(({ model, limits }, i) => `d${i},${model},${limits.temp},${limits.hum}`);
      expect(entriesOf('a.csv', `device,model,limits.temp,limits.hum\n${lines.join('\n')}`)).toEqual(
        entriesOf('a.json', JSON.stringify(all)),
      );
    }),
  );
});
