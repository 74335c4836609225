import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createScreen, type Screen } from '../../../engine/commands/demo/screen.ts';

const ESC = '\u001b';
const stdout = () => Object.assign(new PassThrough({ encoding: 'utf8' }), { columns: 10, rows: 6 });

let terminal: ReturnType<typeof stdout>;
let screen: Screen;
beforeEach(() => {
  terminal = stdout();
  screen = createScreen({ stdout: terminal, env: {} });
  written();
});
afterEach(() => screen.close());

function written(): string {
  return (terminal.read() as string | null) ?? '';
}

test('overwrites the previous block, whose wrapped lines took several rows', () => {
  screen.draw(['title', 'x'.repeat(25), '']);
  expect(written()).not.toContain(`${ESC}[5A`);
  screen.draw(['title']);
  expect(written()).toContain(`\r${ESC}[5Atitle${ESC}[K\r\n${ESC}[J`);
});

test('does not clear the last character of a full row', () => {
  screen.draw(['0123456789']);
  expect(written()).toContain('0123456789\r\n');
});

test('counts the columns of wide characters', () => {
  screen.draw(['機械一二三', '機械一二三四']);
  expect(written()).toContain('機械一二三\r\n');
  screen.draw(['title']);
  expect(written()).toContain(`\r${ESC}[3Atitle`);
});

test('clears the screen after a change of size', () => {
  screen.draw(['a', 'b']);
  written();
  Object.assign(terminal, { columns: 4 });
  terminal.emit('resize');
  screen.draw(['a']);
  expect(written()).toContain(`${ESC}[2J${ESC}[Ha`);
  expect(screen.format().columns).toBe(4);
});

test('hides the cursor, shows it again, and removes its listeners', () => {
  const own = stdout();
  const other = createScreen({ stdout: own, env: { NO_COLOR: '1' } });
  expect(own.read()).toBe(`${ESC}[?25l`);
  expect(other.format().color).toBe(false);
  const listeners = process.listenerCount('exit');
  other.close();
  expect(own.read()).toBe(`${ESC}[?25h`);
  expect(process.listenerCount('exit')).toBe(listeners - 1);
});
