import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { covers, parseTemplate } from '../../engine/config/topic.ts';
import { compileTopic } from '../../engine/decode/topic.ts';

const level = fc.constantFrom(
  'a',
  'b',
  '',
  '+',
  '#',
  '{a}',
  '{b}',
  '{device}',
  '{1}',
  'x{a}',
  'a+',
  '$share',
  '$SYS',
  '{}',
  '}',
);
const template = fc.array(level, { minLength: 1, maxLength: 5 }).map((levels) => levels.join('/'));

describe('a topic template', () => {
  it('is understood as the decoder understands it', () => {
    fc.assert(
      fc.property(template, (topic) => {
        const ours = parseTemplate(topic);
        const theirs = compileTopic(topic);
        expect('names' in ours).toBe(theirs.ok);
        if ('names' in ours && theirs.ok)
          expect(ours).toEqual({ filter: theirs.template.filter, names: theirs.template.names });
      }),
      { numRuns: 1_000 },
    );
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

  it('covers no filter of which it would miss a topic', () => {
    const part = fc.constantFrom('a', 'b', '+');
    const filter = fc
      .tuple(fc.array(part, { minLength: 1, maxLength: 3 }), fc.boolean())
      .map(([parts, open]) => [...parts, ...(open ? ['#'] : [])].join('/'));
    const topic = fc
      .array(fc.constantFrom('a', 'b', 'c'), { minLength: 1, maxLength: 4 })
      .map((parts) => parts.join('/'));
    const matches = (one: string, name: string) => {
      const compiled = compileTopic(one);
      return compiled.ok && compiled.template.match(name) !== undefined;
    };
    fc.assert(
      fc.property(filter, filter, topic, (have, want, name) => {
        if (covers(have, want) && matches(want, name)) expect(matches(have, name)).toBe(true);
      }),
      { numRuns: 2_000 },
    );
  });
});
