import type { BenchResult } from './bench.ts';

/** Results whose cases have the form `COLUMN, ROW`, as a table for people. Each cell has value, baseline and ratio. */
export function tableOf(results: readonly BenchResult[]): string {
  const columns = new Set<string>();
  const rows = new Map<string, Map<string, string>>();
  for (const { case: name, value, baseline, ratio, unit } of results) {
    const [column, row] = split(name);
    columns.add(column);
    const title = `${row} (${unit})`;
    if (!rows.has(title)) rows.set(title, new Map());
    rows.get(title)!.set(column, `${shown(value)} | ${shown(baseline)} | ${ratio.toFixed(2)}`);
  }
  const lines = [
    ['value | baseline | ratio', ...columns],
    ...Array.from(rows, ([title, cells]) => [title, ...Array.from(columns, (column) => cells.get(column) ?? '')]),
  ];
  const widths = lines[0]!.map((_, i) => Math.max(...lines.map((line) => line[i]!.length)));
  return lines
    .map((line) => line.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))).join('   '))
    .join('\n');
}

function split(name: string): [column: string, row: string] {
  const at = name.indexOf(', ');
  return [name.slice(0, at), name.slice(at + 2)];
}

function shown(value: number): string {
  return value.toLocaleString('en', { maximumSignificantDigits: value < 1_000 ? 3 : 21 });
}
