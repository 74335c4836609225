import { describe, expect, test } from 'vitest';
import { compileTopic, type TopicTemplate } from '../../engine/decode/topic.ts';

function template(text: string): TopicTemplate {
  const compiled = compileTopic(text);
  if (!compiled.ok) throw new Error(compiled.problems.map((problem) => problem.message).join(' '));
  return compiled.template;
}

describe('a topic template', () => {
  test.each([
    ['plant/{site}/{device}/data', 'plant/+/+/data', ['site', 'device']],
    ['a/+/b', 'a/+/b', []],
    ['{device}/#', '+/#', ['device']],
    ['#', '#', []],
    ['/{device}/', '/+/', ['device']],
    ['$SYS/{what}', '$SYS/+', ['what']],
  ])('%s asks for %s', (text, filter, names) => {
    expect(template(text)).toMatchObject({ filter, names });
  });

  test.each<[string, string, string[] | undefined]>([
    ['plant/{site}/{device}/data', 'plant/north/7/data', ['north', '7']],
    ['plant/{site}/{device}/data', 'plant/north/7/state', undefined],
    ['plant/{site}/{device}/data', 'plant/north/7/data/x', undefined],
    ['plant/{site}/{device}/data', 'plant/north/data', undefined],
    ['plant/{site}/{device}/data', 'Plant/north/7/data', undefined],
    ['plant/{site}/{device}/data', 'plant///data', ['', '']],
    ['a/+/{b}', 'a/x/y', ['y']],
    ['a/{b}/#', 'a/x', ['x']],
    ['a/{b}/#', 'a/x/y/z', ['x']],
    ['a/{b}/#', 'a', undefined],
    ['a/#', 'a', []],
    ['a/#', 'ab', undefined],
    ['#', 'a/b', []],
    ['#', '$SYS/broker', undefined],
    ['+/broker', '$SYS/broker', undefined],
    ['{x}/broker', '$SYS/broker', undefined],
    ['$SYS/{what}', '$SYS/broker', ['broker']],
    ['a/{b}', 'a/$b', ['$b']],
    ['{a}', '', ['']],
    ['/{a}', '/x', ['x']],
    ['/{a}', 'x', undefined],
    ['ünï/{a}', 'ünï/°C', ['°C']],
  ])('%s on %s gives %j', (text, topic, expected) => {
    expect(template(text).match(topic)).toEqual(expected);
  });

  test.each([
    ['', 'empty'],
    ['a/#/b', 'before the last level'],
    ['a/b#', 'only part'],
    ['a/b+/c', 'only part'],
    ['a/dev-{device}', 'no placeholder'],
    ['a/{}', 'no placeholder'],
    ['a/{1st}', 'no placeholder'],
    ['a/{x', 'no placeholder'],
    ['{x}/{x}', 'stands twice'],
    ['a/\0', 'NUL'],
    ['$share/group/a', '$share/'],
    [`a/${'é'.repeat(33_000)}`, '65535'],
  ])('%j is refused: %s', (text, words) => {
    const compiled = compileTopic(text);
    expect(compiled).toMatchObject({ ok: false });
    if (compiled.ok) return;
    expect(compiled.problems.map((problem) => problem.message).join(' ')).toContain(words);
    for (const problem of compiled.problems) expect(problem.remedy).not.toBe('');
  });

  test('tells every problem at once', () => {
    expect(compileTopic('#/{x}/a+/{x}')).toMatchObject({ problems: { length: 3 } });
  });
});
