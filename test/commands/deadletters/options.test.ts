import { describe, expect, it } from 'vitest';
import { idOf, parseId } from '../../../engine/commands/deadletters/dead-letter.ts';
import { parseOptions } from '../../../engine/commands/deadletters/options.ts';

const NOW = 10_000_000;

describe('the options of weir deadletters', () => {
  it.each([
    [['list'], { verb: 'list', limit: 50, json: false, filter: { retried: false } }],
    [['list', '--all', '--limit', '7', '--json'], { limit: 7, json: true, filter: { retried: true } }],
    [['list', '--stream', '', '--reason', 'no-stream'], { filter: { stream: '', reason: 'no-stream' } }],
    [['list', '--since', '2h', '--topic', 'a/+/#'], { filter: { since: NOW - 7_200_000, topic: 'a/+/#' } }],
    [['show', '12-abc'], { verb: 'show', filter: { retried: true, ids: [{ offset: '12', at: 13368 }] } }],
    [['retry', '--everything', '--dry-run'], { verb: 'retry', dryRun: true, filter: { retried: false } }],
    [['retry', '5', '6'], { filter: { retried: true, ids: [{ offset: '5', at: undefined }, { offset: '6' }] } }],
    [['retry', '--reason', 'refused', '--config', 'x.json'], { config: 'x.json', filter: { reason: 'refused' } }],
  ])('%j', (args, expected) => {
    expect(parseOptions(args, NOW)).toMatchObject(expected);
  });

  it.each([
    [[], 'name an action: list, show, retry'],
    [['delete'], 'name an action'],
    [['list', '12'], 'list takes no ID; use `weir deadletters show 12`'],
    [['list', '--limit', '0'], '--limit must be a whole number from 1 to 10000'],
    [['list', '--since', 'yesterday'], '--since must be a duration such as'],
    [['list', '--topic', 'a/#/b'], '--topic: `#` is not at the last level. Use + for a level before the last one'],
    [['show'], 'show takes exactly one ID'],
    [['show', '1', '2'], 'show takes exactly one ID'],
    [['show', 'abc'], '"abc" is not the ID of a dead letter'],
    [['retry'], 'select the dead letters to retry'],
    [['retry', '--dry-run'], 'select the dead letters to retry'],
    [['retry', '--everything', '--reason', 'malformed'], '--everything cannot be combined with --reason'],
    [['retry', '--everything', '12'], '--everything cannot be combined with 12'],
  ])('%j is refused, with the remedy', (args, expected) => {
    expect(parseOptions(args, NOW)).toContain(expected);
  });

  it.each([[['retry', '--all']], [['show', '1', '--all']], [['list', '--dry-run']]])(
    '%j is an unknown option',
    (args) => {
      expect(() => parseOptions(args, NOW)).toThrow(/Unknown option/);
    },
  );
});

describe('an ID', () => {
  it('has the offset and the millisecond, and is parsed again', () => {
    const id = idOf({ offset: 1_207, at: 1_769_860_800_123.456 });
    expect(id).toBe('1207-ml29f9ff');
    expect(parseId(id)).toEqual({ text: id, offset: '1207', at: 1_769_860_800_123 });
  });

  it.each(['', '-', '12-', '-abc', '12-ABC', '12.5', '12-abc-1', '1'.repeat(16), ' 12'])('%j is not one', (text) => {
    expect(parseId(text)).toBeUndefined();
  });
});
