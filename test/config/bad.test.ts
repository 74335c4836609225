import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../engine/config/parse.ts';
import { formatProblem, type Problem } from '../../engine/document/problem.ts';

const folder = new URL('./bad/', import.meta.url);
const names = readdirSync(folder).filter((name) => name.endsWith('.bad'));

function problemsOf(name: string): readonly Problem[] {
  return parseConfig(name, readFileSync(new URL(name, folder), 'utf8')).problems;
}

describe('a faulty config', () => {
  it.each(names)('%s: gives the problems in the file beside it', async (name) => {
    const text = problemsOf(name).map(formatProblem).join('\n');
    await expect(`${text}\n`).toMatchFileSnapshot(`./bad/${name.replace(/\.bad$/, '.txt')}`);
  });

  it.each(names)('%s: has no config if one of them is an error', (name) => {
    const { config, problems } = parseConfig(name, readFileSync(new URL(name, folder), 'utf8'));
    expect(problems.length).toBeGreaterThan(0);
    expect(config === undefined).toBe(problems.some((problem) => problem.severity === 'error'));
  });

  it('shows more than forty different faults', () => {
    const messages = new Set(
      names.flatMap((name) => problemsOf(name).map(({ code, message }) => `${code} ${message}`)),
    );
    expect(messages.size).toBeGreaterThan(60);
    expect(new Set(names.flatMap((name) => problemsOf(name).map(({ code }) => code))).size).toBeGreaterThan(25);
  });

  it('gives all problems of one file at once, in the order of the text', () => {
    const problems = problemsOf('servers.bad');
    expect(problems.length).toBeGreaterThan(25);
    const places = problems.map(({ line, column }) => line * 10_000 + column);
    expect(places).toEqual([...places].sort((a, b) => a - b));
  });

  it.each(['secrets.bad', 'secrets-in-urls.bad'])('%s: never shows a secret', (name) => {
    const text = problemsOf(name).map(formatProblem).join('\n');
    expect(text).toContain('mqtt');
    expect(text).not.toMatch(/hunter2|4711/);
  });
});
