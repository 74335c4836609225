import type { Config } from '../../model/config.ts';
import { count, printable } from '../../model/printable.ts';
import type { RetryReport } from './retry.ts';
import { formatCount, outcomeOf } from './text.ts';

/** The report of a retry as text. */
export function reportText(report: RetryReport, dryRun: boolean, { data }: Pick<Config, 'data'>): string {
  const { redriven, readings, left, examples, files } = report;
  const lines = examples.map(({ id, result }) => {
    const why = result.kind === 'nothing' ? result.why : `${result.faults[0]!.reason}: ${result.faults[0]!.detail}`;
    return `not redriven: ${id}  ${printable(why)}`;
  });
  const hidden = report.letters - redriven - examples.length;
  if (hidden > 0) lines.push(`not redriven: ${count(hidden)} more`);
  const written =
    redriven === 0 ? 'nothing' : `${formatCount(redriven, 'dead letter')} with ${formatCount(readings, 'reading')}`;
  lines.push(`${dryRun ? 'would redrive' : 'redriven'}: ${written}${leftText(left)}`);
  if (files.length > 0) {
    lines.push(...files.map((file) => `written: ${file}`));
    lines.push(
      `The engine of ${data} reads them within a second, or when it starts. If it runs with other streams, restart it.`,
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

/** The report of a retry as JSON. */
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
    examples: examples.map(({ id, result }) => ({ id, outcome: outcomeOf(result) })),
    files,
  };
}
