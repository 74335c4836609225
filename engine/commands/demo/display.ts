import type { CommandIo } from '../command.ts';
import type { Lookups } from './lookups.ts';
import { createScreen } from './screen.ts';
import { renderStatus, renderView, type View } from './view.ts';

/** Where people see what goes on: a live view on a terminal, else a line every few seconds, or with `--json` nothing on stdout. */
export interface Display {
  /** One line about what is being waited for. */
  say(text: string): void;
  /** Shows `view()` from now on, until `close`. */
  show(view: () => View): void;
  /** Ends the view; what is said from now on stands below it. May be called again. */
  close(): void;
}

const REDRAW_MS = 500;
const STATUS_MS = 5_000;

/** A display for where the command runs. */
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
  const draw = () => screen.draw(renderView(view(), screen.paper()));
  draw();
  const timer = setInterval(draw, REDRAW_MS);
  return () => {
    clearInterval(timer);
    draw();
    screen.close();
  };
}

function showLines(view: () => View, say: (text: string) => void): () => void {
  const { lookups } = view();
  if (lookups !== undefined) sayLookups(lookups, say);
  const timer = setInterval(() => say(renderStatus(view())), STATUS_MS);
  return () => clearInterval(timer);
}

function sayLookups(lookups: Lookups, say: Display['say']): void {
  say(`metrics ${lookups.metricsUrl}  log ${lookups.log}  config ${lookups.config}`);
  say(`ask ClickHouse:  ${lookups.curl}`);
  say(`listen to NATS:  ${lookups.subscribe}`);
  say(`publish yourself:  ${lookups.publish}`);
}
