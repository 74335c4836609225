import type { CommandIo } from '../command.ts';
import { cursorAfter, heightOf } from './text.ts';
import type { TerminalFormat } from './view.ts';

/** A block of lines at the bottom of the terminal that is redrawn in place. */
export interface Screen {
  format(): TerminalFormat;
  draw(lines: readonly string[]): void;
  /** Keeps the last block on the terminal and restores the cursor. */
  close(): void;
}

const HIDE_CURSOR = '\u001b[?25l';
const SHOW_CURSOR = '\u001b[?25h';
/** Synchronized output: terminals that support it show everything between these two codes at once; others ignore the codes. */
const BEGIN_FRAME = '\u001b[?2026h';
const END_FRAME = '\u001b[?2026l';
const CLEAR_TO_END = '\u001b[K';
const CLEAR_BELOW = '\u001b[J';
const CLEAR_ALL = '\u001b[2J\u001b[H';

/** Uses a terminal until `close`, or until the process exits. */
export function createScreen({ stdout, env }: Pick<CommandIo, 'stdout' | 'env'>): Screen {
  const terminal = stdout as NodeJS.WritableStream & { readonly columns?: number; readonly rows?: number };
  const color = env.NO_COLOR === undefined || env.NO_COLOR === '';
  const format = () => ({ columns: terminal.columns || 80, rows: terminal.rows || 24, color });
  let height = 0;
  let resized = false;
  const onResize = () => {
    resized = true;
  };
  const showCursor = () => terminal.write(SHOW_CURSOR);
  terminal.on('resize', onResize);
  process.once('exit', showCursor);
  terminal.write(HIDE_CURSOR);
  return {
    format,
    draw(lines) {
      const { columns } = format();
      // After a change of width, the rows that wrapped lines take are unknown, so everything is cleared.
      const home = resized ? CLEAR_ALL : height > 0 ? `\r\u001b[${height}A` : '\r';
      resized = false;
      height = heightOf(lines, columns);
      // Old text is overwritten and only the rest of each line is cleared, so that nothing flickers. A line that fills its row has no
      // rest: the cursor is still on the last character, which a clear would delete.
      const rest = (text: string) => (cursorAfter(text, columns).column === columns ? '' : CLEAR_TO_END);
      const text = lines.map((each) => `${each}${rest(each)}\r\n`).join('');
      terminal.write(`${BEGIN_FRAME}${home}${text}${CLEAR_BELOW}${END_FRAME}`);
    },
    close() {
      terminal.removeListener('resize', onResize);
      process.removeListener('exit', showCursor);
      showCursor();
    },
  };
}
