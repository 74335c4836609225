import { createScreen } from '../../../engine/commands/demo/screen.ts';
import type { Candidates } from './candidates.ts';
import { type Comparison, cpuRatio } from './measure.ts';

/** An emulated terminal. */
interface Terminal {
  write(text: string, done: () => void): void;
  resize(columns: number, rows: number): void;
  readonly buffer: { readonly active: Buffer };
}

interface Buffer {
  readonly baseY: number;
  getLine(y: number): { translateToString(trim: boolean): string } | undefined;
}

/** Draws frames on a stream with a terminal size. */
type Drawer = (stream: Stream) => (lines: readonly string[]) => void;

interface Stream {
  columns: number;
  rows: number;
  readonly isTTY: true;
  write(text: string): boolean;
  on(event: 'resize', listener: () => void): void;
  removeListener(): void;
}

interface Frame {
  readonly lines: readonly string[];
  readonly columns?: number;
}

const WIDE = '機械';
const numbered = (count: number, text = 'line') => Array.from({ length: count }, (_, i) => `${text} ${i}`);

/** Frames. After each, the screen must be equal to that of a new terminal of the same size that received only this frame. */
const SCENES: readonly (readonly Frame[])[] = [
  [{ lines: numbered(8) }, { lines: numbered(3) }],
  [{ lines: numbered(3) }, { lines: numbered(8) }],
  [{ lines: ['x'.repeat(20), 'y'.repeat(20)] }, { lines: ['z'.repeat(20), 'short'] }],
  [{ lines: ['x'.repeat(45), 'y'] }, { lines: ['z', 'y'.repeat(21)] }],
  [{ lines: [WIDE.repeat(5), 'y'] }, { lines: ['z', WIDE.repeat(5)] }],
  [{ lines: [`a${WIDE.repeat(5)}`, 'y'] }, { lines: ['z', 'y'] }],
  [{ lines: ['e\u0301'.repeat(20), 'y'] }, { lines: ['z', 'y'] }],
  [{ lines: ['\u001b[31mred\u001b[0m', 'y'] }, { lines: ['\u001b[32mgreen\u001b[0m'] }],
  [{ lines: numbered(4, 'a long line') }, { lines: numbered(4), columns: 10 }],
  [
    { lines: numbered(4, 'a long line'), columns: 14 },
    { lines: numbered(4), columns: 8 },
  ],
  [
    { lines: numbered(4, WIDE), columns: 6 },
    { lines: numbered(4, WIDE), columns: 20 },
  ],
  [{ lines: numbered(9) }, { lines: [] }, { lines: numbered(2) }],
];

/** Compares the redrawing of a view on an emulated terminal of 20 × 10. */
export const compareTerminal: Comparison = async (candidates) => {
  type LogUpdate = { createLogUpdate: (stream: Stream, options: object) => (text: string) => void };
  const { createLogUpdate } = await candidates.load<LogUpdate>('log-update');
  const logUpdate: Drawer = (stream) => {
    const update = createLogUpdate(stream, { showCursor: true });
    return (lines) => update(lines.join('\n'));
  };
  const [right, theirs] = [await countScenes(candidates, ours), await countScenes(candidates, logUpdate)];
  const of = 'scenes on a terminal';
  return [
    {
      thing: 'terminal view',
      candidate: 'log-update',
      right: { of, ours: right, theirs, total: SCENES.length },
      cpu: cpuRatio(
        () => redraw(ours),
        () => redraw(logUpdate),
      ),
      note: `${redraw(logUpdate)} bytes for ten frames, ours ${redraw(ours)}`,
    },
    { thing: 'terminal view', candidate: 'ink' },
  ];
};

const ours: Drawer = (stream) => {
  const screen = createScreen({ stdout: stream as unknown as NodeJS.WritableStream, env: {} });
  // The library would restore the cursor when the process exits.
  process.removeAllListeners('exit');
  return screen.draw;
};

async function countScenes(candidates: Candidates, drawer: Drawer): Promise<number> {
  type Xterm = { Terminal: new (options: object) => Terminal };
  const { Terminal } = await candidates.load<Xterm>('@xterm/headless');
  const create = (columns: number) => new Terminal({ cols: columns, rows: 10, allowProposedApi: true });
  let right = 0;
  for (const frames of SCENES) {
    const terminal = create(frames[0]?.columns ?? 20);
    let written = '';
    const onResize: (() => void)[] = [];
    const stream = streamOf(frames[0]?.columns ?? 20, (text) => (written += text), onResize);
    const draw = drawer(stream);
    let same = true;
    for (const { lines, columns } of frames) {
      if (columns !== undefined && columns !== stream.columns) {
        stream.columns = columns;
        terminal.resize(columns, 10);
        for (const each of onResize) each();
      }
      written = '';
      draw(lines);
      await show(terminal, written);
      const fresh = create(stream.columns);
      await show(fresh, lines.map((text) => `${text}\r\n`).join(''));
      same &&= screenOf(terminal) === screenOf(fresh);
    }
    if (same) right++;
  }
  return right;
}

function streamOf(columns: number, write: (text: string) => void, onResize: (() => void)[] = []): Stream {
  return {
    columns,
    rows: 10,
    isTTY: true,
    // A terminal driver also converts line feeds.
    write(text) {
      write(text.replace(/\r?\n/g, '\r\n'));
      return true;
    },
    on: (_, listener) => onResize.push(listener),
    removeListener: () => undefined,
  };
}

const show = (terminal: Terminal, text: string) => new Promise<void>((resolve) => terminal.write(text, resolve));

function screenOf({ buffer: { active } }: Terminal): string {
  const rows = Array.from({ length: 10 }, (_, y) => active.getLine(active.baseY + y)?.translateToString(true) ?? '');
  return rows.join('\n').trim();
}

/** Bytes of ten frames in which a third of the lines changes. */
function redraw(drawer: Drawer): number {
  let bytes = 0;
  const draw = drawer(streamOf(80, (text) => (bytes += text.length)));
  for (let i = 0; i < 10; i++)
    draw(
      Array.from({ length: 9 }, (_, y) =>
        y % 3 === 0 ? `row ${y} shows ${i} of them`.padEnd(70, '.') : `row ${y}`.padEnd(70, '.'),
      ),
    );
  return bytes;
}
