import { expect, it } from 'vitest';
import { TextBuffer } from '../../engine/journal/text-buffer.ts';

it('joins pieces of any size and script, and begins anew without a trace of what it held', () => {
  const buffer = new TextBuffer();
  for (const pieces of [['a', 'dé€😀', 'x'.repeat(200_000)], ['b'], [], ['€'.repeat(70_000), 'end']]) {
    buffer.clear();
    for (const piece of pieces) buffer.write(piece);
    expect(buffer.bytes.toString()).toBe(pieces.join(''));
  }
});
