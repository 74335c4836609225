import type { Config } from '../../model/config.ts';
import { count, printable } from '../../model/printable.ts';
import type { RetryReport } from './retry.ts';
import { outcomeOf, several } from './text.ts';

/** What a retry has come to, for people. */
export function reportText(report: RetryReport, dryRun: boolean, { data }: Pick<Config, 'data'>): string {
  const { redriven, readings, left, examples, files } = report;
  const lines = examples.map(({ id, rehearsal }) => {
    const why =
      rehearsal.kind === 'nothing' ? rehearsal.why : `${rehearsal.faults[0]!.reason}: ${rehearsal.faults[0]!.detail}`;
    return `left alone: ${id}  ${printable(why)}`;
  });
  const hidden = report.letters - redriven - examples.length;
  if (hidden > 0) lines.push(`left alone: ${count(hidden)} more`);
  const told = redriven === 0 ? 'nothing' : `${several(redriven, 'letter')} with ${several(readings, 'reading')}`;
  lines.push(`${dryRun ? 'would redrive' : 'redriven'}: ${told}${leftText(left)}`);
  if (files.length > 0) {
    lines.push(...files.map((file) => `written: ${file}`));
    lines.push(
      `The engine of ${data} takes them up within a second, or when it starts; restart it if it runs with other streams.`,
    );
  }
  return `${lines.join('\n')}\n`;
}

function leftText(left: RetryReport['left']): string {
  const parts = Array.from(left, ([reason, letters]) =>
    reason === '' ? `${count(letters)} with nothing to redrive` : `${count(letters)} still ${reason}`,
  );
  return parts.length === 0 ? '' : `; ${parts.join(', ')}`;
}

/** The same as JSON. */
export function reportJson(
  { letters, redriven, readings, left, examples, files }: RetryReport,
  dryRun: boolean,
): object {
  return {
    dryRun,
    letters,
    redriven,
    readings,
    left: Object.fromEntries(Array.from(left, ([reason, times]) => [reason === '' ? 'nothing' : reason, times])),
    examples: examples.map(({ id, rehearsal }) => ({ id, outcome: outcomeOf(rehearsal) })),
    files,
  };
}
