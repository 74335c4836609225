import { expect, test } from 'vitest';
import { parseConfig } from '../../engine/config/parse.ts';
import { streamSchema } from '../../engine/config/schema-streams.ts';
import { formatProblem } from '../../engine/document/problem.ts';
import { blocksOf, codeRows, readPage, sectionOf } from './pages.ts';

const page = readPage('connectors/mqtt/README.md');
const sample = JSON.parse(readPage('deploy/weir.json'));
const [broker, stream, sequence] = blocksOf(page, 'jsonc').map(({ text }) => JSON.parse(text));

test('the table of a stream names every key of the schema, and no other', () => {
  const named = codeRows(sectionOf(page, 'Streams')).map(([key]) => key!);
  expect(named.sort()).toEqual(Object.keys(streamSchema.properties).sort());
});

test('the example of a stream is the one of the sample config', () => {
  expect(stream).toEqual({ streams: sample.streams });
});

test('the examples of a broker and of numbered readings are valid', () => {
  const { sensors } = sample.streams;
  const config = { ...sample, ...broker, streams: { sensors: { ...sensors, ...sequence } } };
  const { problems } = parseConfig('weir.json', JSON.stringify(config), '/deploy');
  expect(problems.map(formatProblem)).toEqual([]);
  const wrong = { ...config, streams: { sensors: { ...sensors, ...sequence, time: undefined } } };
  expect(parseConfig('weir.json', JSON.stringify(wrong), '/deploy').problems).not.toEqual([]);
});
