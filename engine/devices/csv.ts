/** One cell of a table, by the offset at which it begins. */
export interface Cell {
  readonly text: string;
  readonly offset: number;
}

/** A place where a text is not CSV. */
export interface CsvFault {
  readonly code: string;
  readonly offset: number;
  readonly message: string;
  readonly remedy: string;
}

/** A cell, and where what follows it begins. */
interface Taken {
  readonly cell: Cell;
  readonly end: number;
}

type Report = (fault: CsvFault) => void;

/**
 * Reads comma-separated values row by row (RFC 4180; a line may end in LF alone). Empty lines are no rows. What is not quoted has no
 * quote and no blank at either end. A quote that is not closed ends the reading.
 */
export function readCsv(text: string, onRow: (cells: readonly Cell[]) => void, report: Report): void {
  let at = 0;
  while (at < text.length) {
    const cells: Cell[] = [];
    for (;;) {
      const taken = text[at] === '"' ? takeQuoted(text, at, report) : takePlain(text, at, report);
      if (taken === undefined) return;
      cells.push(taken.cell);
      at = taken.end;
      if (text[at] !== ',') break;
      at += 1;
    }
    const [first] = cells as [Cell];
    const isEmptyLine = cells.length === 1 && first.text === '' && text[first.offset] !== '"';
    if (!isEmptyLine) onRow(cells);
    at += text.startsWith('\r\n', at) ? 2 : 1;
  }
}

/** Undefined, with the reason reported, where the quote is not closed. */
function takeQuoted(text: string, offset: number, report: Report): Taken | undefined {
  let close = text.indexOf('"', offset + 1);
  while (close >= 0 && text[close + 1] === '"') close = text.indexOf('"', close + 2);
  if (close < 0) {
    report({ code: 'syntax', offset, message: 'A quote is not closed.', remedy: 'Close it with a double quote.' });
    return undefined;
  }
  const end = plainEnd(text, close + 1);
  if (end > close + 1) {
    const message = 'Something stands behind a closing quote.';
    report({ code: 'syntax', offset: close + 1, message, remedy: 'Remove it; inside quotes, write "" for a quote.' });
  }
  return { cell: { text: text.slice(offset + 1, close).replaceAll('""', '"'), offset }, end };
}

function takePlain(text: string, offset: number, report: Report): Taken {
  const end = plainEnd(text, offset);
  const raw = text.slice(offset, end);
  const quote = raw.indexOf('"');
  if (quote >= 0) {
    const remedy = 'Put the whole cell in quotes, and write "" for a quote inside.';
    report({ code: 'syntax', offset: offset + quote, message: 'A quote stands inside a cell.', remedy });
  } else if (raw !== raw.trim()) {
    const message = 'A blank stands at the edge of a cell.';
    report({ code: 'stray-blank', offset, message, remedy: 'Remove it, or put the cell in quotes.' });
  }
  return { cell: { text: raw, offset }, end };
}

/** The next comma or end of line. */
function plainEnd(text: string, at: number): number {
  let end = at;
  while (end < text.length) {
    const code = text.charCodeAt(end);
    if (code === 0x2c || code === 0x0a || code === 0x0d) break;
    end += 1;
  }
  return end;
}
