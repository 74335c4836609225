import { describe, expect, test } from 'vitest';
import type { FieldValue } from '../../engine/model/field.ts';
import { compileMessage } from '../../engine/model/message.ts';

function render(template: string, values: Readonly<Record<string, FieldValue>>): string {
  return compileMessage(template).render((name) => (Object.hasOwn(values, name) ? values[name] : undefined));
}

describe('a message template', () => {
  test.each([
    ['{{device}} averages {{meanTemp}} °C', { device: 'press-1', meanTemp: 45.25 }, 'press-1 averages 45.25 °C'],
    ['{{ a }}{{a}}', { a: 1 }, '11'],
    ['{{missing}} of {{constructor}}', {}, '? of ?'],
    ['no names', {}, 'no names'],
    ['', {}, ''],
    ['{{}} {{ }} {a} {{a', { a: 1 }, '{{}} {{ }} {a} {{a'],
    ['{{{a}}}', { a: 1 }, '{1}'],
    ['{{a}}', { a: '{{b}}', b: 2 }, '{{b}}'],
    ['{{on}} {{off}}', { on: true, off: false }, 'true false'],
  ])('%j', (template, values, text) => {
    expect(render(template, values)).toBe(text);
  });

  test.each([
    [0.1 + 0.2, '0.3'],
    [1 / 3, '0.333333'],
    [21.456789, '21.4568'],
    [99999.96, '100000'],
    [123456.789, '123457'],
    [1234567.89, '1234568'],
    [1234567, '1234567'],
    [1.5e9, '1500000000'],
    [0.000012345678, '0.0000123457'],
    [-273.15, '-273.15'],
    [-0, '0'],
    [Number.NaN, 'NaN'],
  ])('shows %d as %s', (value, text) => {
    expect(render('{{v}}', { v: value })).toBe(text);
  });

  test('lists its names', () => {
    expect(compileMessage('{{b}} {{a}} {{ b }}').names).toEqual(['b', 'a']);
    expect(compileMessage('none').names).toEqual([]);
  });
});
