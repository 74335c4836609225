import { describe, expect, test } from 'vitest';
import type { EventOutput } from '../../engine/model/output.ts';
import { blocksOf, codeSpans, readPage } from './pages.ts';
import { publish, reading, START_AT } from './sample.ts';

const page = readPage('connectors/nats/README.md');

/** The event of `press 7`, which fires at the fifth reading above the limit. */
function publishedAlert(): EventOutput | undefined {
  const hot = [50.3, 50.9, 51.2, 51.4, 51.5].map((temp, i) =>
    reading(1203 + i, START_AT + (i - 4) * 5_000, 'plant/north/press 7/data', { temp, humidity: 38.2 }),
  );
  return publish('temperature-limit', hot)[0];
}

/** The result of the view for one minute of a site. */
function publishedFacts(): EventOutput | undefined {
  return publish('site-climate', [
    { kind: 'mark', offset: 0, at: START_AT, mark: 'connected', connection: 0 },
    reading(1, START_AT, 'plant/north/press 7/data', { temp: 20.9, humidity: 40 }),
    reading(2, START_AT + 20_000, 'plant/north/press 8/data', { temp: 18, humidity: 38.2 }),
    reading(3, START_AT + 40_000, 'plant/north/press 7/data', { temp: 30.1, humidity: 41 }),
    ...Array.from({ length: 60 }, (_, i) => ({
      kind: 'tick' as const,
      offset: 4 + i,
      at: START_AT + 41_000 + i * 1_000,
    })),
  ])[0];
}

describe('the example event', () => {
  const example = blocksOf(page, 'json').find(({ text }) => text.includes('"specversion"'));

  test('is the one that the engine publishes', () => {
    expect(JSON.parse(example?.text ?? 'null')).toEqual(JSON.parse(publishedAlert()!.body));
  });

  test('has the subject and the KV key that the page names', () => {
    const { subject, kv } = publishedAlert()!;
    expect(codeSpans(page)).toEqual(expect.arrayContaining([subject, kv!.key]));
  });
});

describe('the example of a view', () => {
  const example = blocksOf(page, 'json').find(({ text }) => text.includes('"labels"'));

  test('is what the engine publishes', () => {
    const { subject, body } = publishedFacts()!;
    const { type, time, data } = JSON.parse(body);
    expect(JSON.parse(example!.text)).toEqual(data);
    expect(time).toBe(data.end);
    expect(codeSpans(page)).toEqual(expect.arrayContaining([subject, type]));
  });
});
