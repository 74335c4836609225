import type { CommandIo } from '../command.ts';
import { endOf, heightOf } from './text.ts';
import type { Paper } from './view.ts';

/** A block of lines at the bottom of the terminal, redrawn in place. */
export interface Screen {
  paper(): Paper;
  draw(lines: readonly string[]): void;
  /** Leaves the last block where it is and gives the terminal back. */
  close(): void;
}

const HIDE_CURSOR = '\u001b[?25l';
const SHOW_CURSOR = '\u001b[?25h';
/** Terminals that know these two show what is between them at once; the others pass over them. */
const BEGIN_FRAME = '\u001b[?2026h';
const END_FRAME = '\u001b[?2026l';
const CLEAR_TO_END = '\u001b[K';
const CLEAR_BELOW = '\u001b[J';
const CLEAR_ALL = '\u001b[2J\u001b[H';

/** Takes over a terminal until `close`, or until the process ends. */
export function createScreen({ stdout, env }: Pick<CommandIo, 'stdout' | 'env'>): Screen {
  const terminal = stdout as NodeJS.WritableStream & { readonly columns?: number; readonly rows?: number };
  const color = env.NO_COLOR === undefined || env.NO_COLOR === '';
  const paper = () => ({ columns: terminal.columns || 80, rows: terminal.rows || 24, color });
  let height = 0;
  let resized = false;
  const onResize = () => {
    resized = true;
  };
  const giveBack = () => terminal.write(SHOW_CURSOR);
  terminal.on('resize', onResize);
  process.once('exit', giveBack);
  terminal.write(HIDE_CURSOR);
  return {
    paper,
    draw(lines) {
      const { columns } = paper();
      // What was wrapped at the old width cannot be found again line by line.
      const home = resized ? CLEAR_ALL : height > 0 ? `\r\u001b[${height}A` : '\r';
      resized = false;
      height = heightOf(lines, columns);
      // Old text is written over and only the rest is cleared, so that nothing blinks. Behind a line that ends with the row there is no
      // rest, and the cursor still stands on the last character.
      const rest = (text: string) => (endOf(text, columns).column === columns ? '' : CLEAR_TO_END);
      const text = lines.map((each) => `${each}${rest(each)}\r\n`).join('');
      terminal.write(`${BEGIN_FRAME}${home}${text}${CLEAR_BELOW}${END_FRAME}`);
    },
    close() {
      terminal.removeListener('resize', onResize);
      process.removeListener('exit', giveBack);
      giveBack();
    },
  };
}
