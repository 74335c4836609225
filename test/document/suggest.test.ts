import { describe, expect, it } from 'vitest';
import { editDistance, suggest } from '../../engine/document/suggest.ts';

describe('suggest', () => {
  const names = ['temperature', 'humidity', 'device', 'n', 'greaterThan', 'greaterThanInclusive'];
  it.each([
    ['temperatur', 'temperature'],
    ['temprature', 'temperature'],
    ['Humidity', 'humidity'],
    ['dveice', 'device'],
    ['greaterthan', 'greaterThan'],
    ['greatrThanInclusiv', 'greaterThanInclusive'],
    ['pressure', undefined],
    ['m', undefined],
    ['', undefined],
    ['t'.repeat(100), undefined],
  ])('%s → %s', (name, expected) => {
    expect(suggest(name, names)).toBe(expected);
  });

  it('takes the most similar candidate, and the first of equal ones', () => {
    expect(suggest('temp3', ['temp11', 'temp1', 'temp2'])).toBe('temp1');
  });
});

describe('a name without the part before its dot', () => {
  const names = ['temp', 'doors.open', 'gates.open'];
  it.each([
    ['open', 'doors.open'],
    ['pen', undefined],
    ['tem', 'temp'],
  ])('%s → %s', (name, expected) => {
    expect(suggest(name, names)).toBe(expected);
  });
});

describe('editDistance', () => {
  it.each([
    ['', '', 0],
    ['abc', '', 3],
    ['', 'abc', 3],
    ['abc', 'acb', 1],
    ['kitten', 'sitting', 3],
    ['ca', 'abc', 3],
  ])('%s, %s → %i', (a, b, expected) => {
    expect(editDistance(a, b)).toBe(expected);
  });
});
