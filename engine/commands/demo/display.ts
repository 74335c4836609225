import type { CommandIo } from '../command.ts';
import type { Hints } from './hints.ts';
import { createScreen } from './screen.ts';
import { renderStatus, renderView, type View } from './view.ts';

/** The output of a running demo: a live view on a terminal, otherwise a status line every few seconds; with `--json`, nothing on stdout. */
export interface Display {
  /** Prints one line. With `--json` it goes to stderr. */
  say(text: string): void;
  /** Shows `view()` from now on, until `close`. */
  show(view: () => View): void;
  /** Ends the live view; later lines are printed below it. May be called more than once. */
  close(): void;
}

const REDRAW_MS = 500;
const STATUS_MS = 5_000;

/** Creates the display that fits the output: terminal, pipe or JSON. */
export function createDisplay(io: CommandIo, json: boolean): Display {
  const say = (text: string) => {
    (json ? io.stderr : io.stdout).write(`${text}\n`);
  };
  let end: (() => void) | undefined;
  return {
    say,
    show(view) {
      if (json) return;
      end = io.terminal === undefined ? showLines(view, say) : showScreen({ stdout: io.terminal, env: io.env }, view);
    },
    close() {
      end?.();
      end = undefined;
    },
  };
}

function showScreen(io: Pick<CommandIo, 'stdout' | 'env'>, view: () => View): () => void {
  const screen = createScreen(io);
  const draw = () => screen.draw(renderView(view(), screen.format()));
  draw();
  const timer = setInterval(draw, REDRAW_MS);
  return () => {
    clearInterval(timer);
    draw();
    screen.close();
  };
}

function showLines(view: () => View, say: (text: string) => void): () => void {
  const { hints } = view();
  if (hints !== undefined) sayHints(hints, say);
  const timer = setInterval(() => say(renderStatus(view())), STATUS_MS);
  return () => clearInterval(timer);
}

function sayHints(hints: Hints, say: Display['say']): void {
  say(`metrics: ${hints.metricsUrl}  log: ${hints.log}  config: ${hints.config}`);
  say(`query ClickHouse:  ${hints.curl}`);
  say(`subscribe to NATS:  ${hints.subscribe}`);
  say(`publish a reading:  ${hints.publish}`);
}
