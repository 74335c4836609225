import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { compare, formatDifference } from '../../engine/commands/test/compare.ts';
import { type ReadyCase, readCases } from '../../engine/commands/test/read-cases.ts';
import { type Feeding, runCase } from '../../engine/commands/test/run-case.ts';
import { formatProblem } from '../../engine/document/problem.ts';
import { readStreams } from './streams.ts';

const FOLDER = new URL('.', import.meta.url);
const setup = { streams: readStreams(), rules: [], maxAheadMs: 300_000 };
const files = readdirSync(FOLDER).filter((name) => name.endsWith('.json') && !name.endsWith('.schema.json'));

/** A snapshot after every record would take too long for the longest cases. */
const MOST_RESTARTS = 300;

function read(name: string) {
  const text = readFileSync(new URL(name, FOLDER), 'utf8');
  return readCases(name, name.endsWith('.md') ? firstExample(text) : text, setup);
}

/** The first JSON example of a page. */
function firstExample(page: string): string {
  return /```json\n(.*?)```/s.exec(page)?.[1] ?? '';
}

function report({ testCase, run }: ReadyCase, feeding: Feeding): string[] {
  return compare(testCase, runCase(run, feeding), run.compiled).map(formatDifference);
}

/** Ways of feeding the same records; all must give the same result. */
function feedings(records: number): Readonly<Record<string, Feeding>> {
  const middle = Math.floor(records / 2);
  const step = Math.ceil(records / MOST_RESTARTS);
  return {
    'one record at a time': { singly: true },
    'restored in the middle': { restarts: (i) => i === middle },
    'restored behind every record': { restarts: (i) => i % step === 0 },
  };
}

describe.each([...files, 'README.md'])('%s', (name) => {
  const { cases, problems } = read(name);

  it('is sound', () => {
    expect(problems.filter(({ severity }) => severity === 'error').map(formatProblem)).toEqual([]);
    expect(cases.length).toBeGreaterThan(0);
    const titles = cases.map(({ testCase }) => testCase.about);
    expect(titles.filter((title, i) => titles.indexOf(title) !== i)).toEqual([]);
  });

  it.each(cases.map((each) => [`${each.testCase.about} (line ${each.line})`, each] as const))('%s', (_title, each) => {
    expect(report(each, {})).toEqual([]);
    const outcome = runCase(each.run);
    for (const [how, feeding] of Object.entries(feedings(each.run.records.length))) {
      expect(runCase(each.run, feeding), how).toEqual(outcome);
    }
  });
});
