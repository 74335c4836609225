import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** Folder of the repository. */
export const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** Folders without pages of our own. Folders whose name starts with a dot are also skipped. */
const NOT_OURS = ['node_modules', 'dist', 'coverage'];

/** Paths of all Markdown pages below a folder, from the root of the repository. */
function pagesBelow(folder: string): string[] {
  return readdirSync(`${ROOT}/${folder}`, { withFileTypes: true }).flatMap((entry) => {
    const path = `${folder}${entry.name}`;
    if (entry.isDirectory())
      return entry.name.startsWith('.') || NOT_OURS.includes(entry.name) ? [] : pagesBelow(`${path}/`);
    return path.endsWith('.md') ? [path] : [];
  });
}

/** Every Markdown page of the repository. */
export const PAGES: readonly string[] = pagesBelow('').sort();

/** A fenced block of a page. */
export interface Block {
  readonly language: string;
  readonly text: string;
  /** First line of the block in the page, from 1. */
  readonly line: number;
}

/** Text of a page, named from the root of the repository. */
export function readPage(path: string): string {
  return readFileSync(`${ROOT}/${path}`, 'utf8');
}

/** The fenced blocks of a page in one language, or in all. */
export function blocksOf(page: string, language?: string): Block[] {
  const blocks: Block[] = [];
  for (const match of page.matchAll(/^```(\w*)\n(.*?)^```$/gms)) {
    const line = page.slice(0, match.index).split('\n').length + 1;
    blocks.push({ language: match[1]!, text: match[2]!, line });
  }
  return blocks.filter((block) => language === undefined || block.language === language);
}

/** A page without its fenced blocks. */
export function proseOf(page: string): string {
  return page.replaceAll(/^```.*?^```$/gms, '');
}

/** The headings of a page, without the number signs. */
export function headingsOf(page: string): string[] {
  return Array.from(proseOf(page).matchAll(/^#+ (.*)$/gm), (match) => match[1]!);
}

/** The id of a heading on the usual Git hosts. */
export function anchorOf(heading: string): string {
  return heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
    .replaceAll(' ', '-');
}

/** The ids of all headings of a page. If a heading occurs twice, the second id ends in `-1`, and so on. */
export function anchorsOf(page: string): string[] {
  const anchors = headingsOf(page).map(anchorOf);
  return anchors.map((anchor, i) => {
    const before = anchors.slice(0, i).filter((other) => other === anchor).length;
    return before === 0 ? anchor : `${anchor}-${before}`;
  });
}

/** The text below a heading, up to the next heading of the same or a higher level. Throws if there is no such heading. */
export function sectionOf(page: string, heading: string): string {
  const lines = page.split('\n');
  const isHeading = /^(#+) (.*)$/;
  const start = lines.findIndex((line) => isHeading.exec(line)?.[2] === heading);
  if (start < 0) throw new Error(`there is no heading "${heading}"`);
  const rank = isHeading.exec(lines[start]!)![1]!.length;
  let end = start + 1;
  let fenced = false;
  for (; end < lines.length; end++) {
    if (lines[end]!.startsWith('```')) fenced = !fenced;
    const found = fenced ? undefined : isHeading.exec(lines[end]!)?.[1];
    if (found !== undefined && found.length <= rank) break;
  }
  return lines.slice(start + 1, end).join('\n');
}

/** The cells of every table row whose first cell is a code span; the backticks of that cell are removed. Throws if there is no such row. */
export function codeRows(section: string): string[][] {
  const rows = section
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .map((line) =>
      line
        .slice(1, -1)
        .split(/(?<!\\)\|/)
        .map((cell) => cell.trim().replaceAll('\\|', '|')),
    );
  if (rows.length === 0) throw new Error('there is no table');
  return rows.map(([first, ...rest]) => [/^`([^`]+)`/.exec(first!)![1]!, ...rest]);
}

/** The texts between backticks, in order. */
export function codeSpans(text: string): string[] {
  return Array.from(text.matchAll(/`([^`\n]+)`/g), (match) => match[1]!);
}
