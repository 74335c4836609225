import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compileTopic } from '../../engine/decode/topic.ts';
import { covers, mergeFilters, overlaps, parseTemplate } from '../../engine/model/topic.ts';

describe('a topic template', () => {
  it.each([
    ['', 'is empty'],
    ['a/#/b', 'not at the last level'],
    ['a/b#', 'mixes a wildcard'],
    ['a/b+/c', 'mixes a wildcard'],
    ['a/dev-{device}', 'not a placeholder'],
    ['a/{}', 'not a placeholder'],
    ['a/{1st}', 'not a placeholder'],
    ['a/{x', 'not a placeholder'],
    ['{x}/{x}', 'is in the topic twice'],
    ['a/\0', 'NUL'],
    ['$share/group/a', '$share/'],
    [`a/${'é'.repeat(33_000)}`, '65535'],
  ])('%j is refused: %s', (topic, words) => {
    const fault = parseTemplate(topic);
    expect('message' in fault && fault.message).toContain(words);
    expect('remedy' in fault && fault.remedy).not.toBe('');
  });
});

describe('a subscription', () => {
  it.each([
    ['plant/#', 'plant/+/data', true],
    ['plant/#', 'plant', true],
    ['#', 'a/b', true],
    ['+/+/data', 'plant/+/data', true],
    ['$share/weir/plant/#', 'plant/a', true],
    ['plant/+', 'plant/+/data', false],
    ['plant/+', 'plant/#', false],
    ['plant/a/data', 'plant/+/data', false],
    ['plant/+/data', 'plant', false],
  ])('to %s covers %s: %s', (subscribed, wanted, covered) => {
    expect(covers(subscribed, wanted)).toBe(covered);
  });

  it('covers no filter that matches a topic which it does not match', () => {
    const part = fc.constantFrom('a', 'b', '+');
    const filter = fc
      .tuple(fc.array(part, { minLength: 1, maxLength: 3 }), fc.boolean())
      .map(([parts, open]) => [...parts, ...(open ? ['#'] : [])].join('/'));
    const topic = fc
      .array(fc.constantFrom('a', 'b', 'c'), { minLength: 1, maxLength: 4 })
      .map((parts) => parts.join('/'));
    const matches = (one: string, name: string) => {
      return compileTopic(one).match(name) !== undefined;
    };
    fc.assert(
      fc.property(filter, filter, topic, (have, want, name) => {
        if (covers(have, want) && matches(want, name)) expect(matches(have, name)).toBe(true);
      }),
      { numRuns: 2_000 },
    );
  });
});

describe('two filters', () => {
  it.each([
    ['a/+/x', 'a/b/#', true, 'a/+/#'],
    ['a/+', '+/b', true, '+/+'],
    ['plant/#', '+/temp', true, '+/#'],
    ['a/#', 'a', true, 'a/#'],
    ['a/b', 'a/b', true, 'a/b'],
    ['#', 'a/b', true, '#'],
    ['a/+', 'a/+/c', false, ''],
    ['a/b/#', 'a/c/#', false, ''],
    ['+/b', '$SYS/b', false, ''],
    ['#', '$SYS/#', false, ''],
    ['$SYS/+', '$SYS/a', true, '$SYS/+'],
  ])('%s and %s overlap: %s, and make %s', (one, other, overlap, merged) => {
    expect([overlaps(one, other), overlaps(other, one)]).toEqual([overlap, overlap]);
    if (overlap) expect([mergeFilters(one, other), mergeFilters(other, one)]).toEqual([merged, merged]);
  });

  it('overlap if a topic matches both, and their merged filter matches all topics of both', () => {
    const level = fc.constantFrom('a', 'b', '+', '$x');
    const filter = fc
      .tuple(fc.array(level, { minLength: 1, maxLength: 3 }), fc.boolean())
      .map(([levels, open]) => [...levels, ...(open ? ['#'] : [])].join('/'));
    const names = ['a', 'b', 'c', '$x'];
    const grow = (topics: readonly string[]) => topics.flatMap((topic) => names.map((name) => `${topic}/${name}`));
    const [two, three] = [grow(names), grow(grow(names))];
    const topics = [...names, ...two, ...three, ...grow(three)];
    const matched = (one: string) => topics.filter((topic) => compileTopic(one).match(topic) !== undefined);
    fc.assert(
      fc.property(filter, filter, (one, other) => {
        const [ofOne, ofOther] = [matched(one), new Set(matched(other))];
        const both = ofOne.some((topic) => ofOther.has(topic));
        expect(overlaps(one, other)).toBe(both);
        if (!both) return;
        const merged = mergeFilters(one, other);
        expect(covers(merged, one) && covers(merged, other)).toBe(true);
      }),
      { numRuns: 400 },
    );
  });
});
