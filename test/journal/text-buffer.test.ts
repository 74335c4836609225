import { expect, it } from 'vitest';
import { TextBuffer } from '../../engine/journal/text-buffer.ts';

const textOf = (buffer: TextBuffer) => Buffer.concat(buffer.chunks).toString();

it('joins lines of any size and script, and keeps no text after clear', () => {
  const buffer = new TextBuffer(10_000_000);
  const lines = [
    ['a', 'dé€😀', 'x'.repeat(200_000)],
    ['b'],
    [],
    ['€'.repeat(2_500_000), `a${'😀'.repeat(700_000)}`, 'end'],
  ];
  for (const each of lines) {
    buffer.clear();
    for (const line of each) buffer.writeLine(line);
    expect(textOf(buffer) === each.map((line) => `${line}\n`).join('')).toBe(true);
  }
});

it('refuses a line of more bytes than allowed', () => {
  const buffer = new TextBuffer(6);
  buffer.writeLine('123456');
  buffer.writeLine('€€');
  expect(() => buffer.writeLine('€€1')).toThrow('has 7 bytes, at most 6 are allowed; it begins with €€1');
});
