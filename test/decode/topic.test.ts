import { describe, expect, test } from 'vitest';
import { compileTopic } from '../../engine/decode/topic.ts';

describe('a topic template', () => {
  test.each([
    ['plant/{site}/{device}/data', 'plant/+/+/data', ['site', 'device']],
    ['a/+/b', 'a/+/b', []],
    ['{device}/#', '+/#', ['device']],
    ['#', '#', []],
    ['/{device}/', '/+/', ['device']],
    ['$SYS/{what}', '$SYS/+', ['what']],
  ])('%s asks for %s', (text, filter, names) => {
    expect(compileTopic(text)).toMatchObject({ filter, names });
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
    expect(compileTopic(text).match(topic)).toEqual(expected);
  });
});
