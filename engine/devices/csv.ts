/** One cell of a table, and the offset at which it begins. */
export interface Cell {
  readonly text: string;
  readonly offset: number;
}

/** A fault of a CSV text, and its offset in characters. */
export interface CsvFault {
  readonly code: string;
  readonly offset: number;
  readonly message: string;
  readonly remedy: string;
}

/** A cell, and the offset of its end. */
interface ParsedCell {
  readonly cell: Cell;
  readonly end: number;
}

type Report = (fault: CsvFault) => void;

/**
 * Reads comma-separated values row by row (RFC 4180, but a line may also end in LF). Empty lines are skipped. A cell without quotes must not
 * contain a quote, and must not begin or end with a blank. An unclosed quote ends the reading.
 */
export function readCsv(text: string, onRow: (cells: readonly Cell[]) => void, report: Report): void {
  let at = 0;
  while (at < text.length) {
    const cells: Cell[] = [];
    for (;;) {
      const parsed = text[at] === '"' ? parseQuoted(text, at, report) : parsePlain(text, at, report);
      if (parsed === undefined) return;
      cells.push(parsed.cell);
      at = parsed.end;
      if (text[at] !== ',') break;
      at += 1;
    }
    const [first] = cells as [Cell];
    const isEmptyLine = cells.length === 1 && first.text === '' && text[first.offset] !== '"';
    if (!isEmptyLine) onRow(cells);
    at += text.startsWith('\r\n', at) ? 2 : 1;
  }
}

/** Parses a cell in quotes. If the quote is not closed, this is reported and the result is undefined. */
function parseQuoted(text: string, offset: number, report: Report): ParsedCell | undefined {
  let close = text.indexOf('"', offset + 1);
  while (close >= 0 && text[close + 1] === '"') close = text.indexOf('"', close + 2);
  if (close < 0) {
    report({ code: 'syntax', offset, message: 'A quote is not closed.', remedy: 'Close it with a double quote.' });
    return undefined;
  }
  const end = plainEnd(text, close + 1);
  if (end > close + 1) {
    const message = 'There is text after a closing quote.';
    report({ code: 'syntax', offset: close + 1, message, remedy: 'Remove it. Inside quotes, write "" for a quote.' });
  }
  return { cell: { text: text.slice(offset + 1, close).replaceAll('""', '"'), offset }, end };
}

function parsePlain(text: string, offset: number, report: Report): ParsedCell {
  const end = plainEnd(text, offset);
  const raw = text.slice(offset, end);
  const quote = raw.indexOf('"');
  if (quote >= 0) {
    const remedy = 'Put the whole cell in quotes, and write "" for a quote inside.';
    report({ code: 'syntax', offset: offset + quote, message: 'There is a quote inside a cell.', remedy });
  } else if (raw !== raw.trim()) {
    const message = 'A cell begins or ends with a blank.';
    report({ code: 'stray-blank', offset, message, remedy: 'Remove it, or put the cell in quotes.' });
  }
  return { cell: { text: raw, offset }, end };
}

/** Offset of the next comma or end of line. */
function plainEnd(text: string, at: number): number {
  let end = at;
  while (end < text.length) {
    const code = text.charCodeAt(end);
    if (code === 0x2c || code === 0x0a || code === 0x0d) break;
    end += 1;
  }
  return end;
}
