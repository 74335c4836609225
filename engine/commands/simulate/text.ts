import { formatDuration } from '../../model/duration.ts';
import { FAULT_NAMES, type FaultName, faults } from '../../simulator/faults.ts';
import type { Point } from '../../simulator/series.ts';
import type { CommandIo } from '../command.ts';
import { hostOf } from './fleet.ts';
import type { SimulateArguments } from './options.ts';
import type { SimulationProgress, SimulationReport } from './report.ts';

/** One line with what will be sent, where to, and how fast. */
export function introduce(values: SimulateArguments, points: readonly Point[] | undefined): string {
  const to = `to ${hostOf(values.broker.url)}, topic ${values.topic}, QoS ${values.qos}`;
  if (points !== undefined) {
    const pace =
      values.speed === Infinity ? 'as fast as the broker accepts them' : `at ${values.speed} × recorded speed`;
    return `replaying ${points.length} values of ${values.replay} as ${values.device} (field ${values.field}), ${pace}, ${to}`;
  }
  const perSecond = (values.devices * 1000) / values.everyMs;
  const pace = values.paced ? `${round(perSecond)} messages/s` : 'as fast as the broker accepts them';
  const fleet = `${values.devices} ${values.devices === 1 ? 'device' : 'devices'}, a reading every ${formatEvery(values.everyMs)}, ${pace}, seed ${values.seed}, ${to}`;
  return `simulating ${fleet}`;
}

/** Prints a progress line every second on a terminal, otherwise every 10 s. With `episodes` it also prints when each fault starts and ends. */
export function createProgressPrinter(
  { stdout, terminal }: Pick<CommandIo, 'stdout' | 'terminal'>,
  episodes: boolean,
): { progress(progress: SimulationProgress): void; end(): void } {
  // The texts are our own (fault names and device ids), so they need no escaping.
  const out = terminal ?? stdout;
  const wipe = terminal === undefined ? '' : '\r\u001b[K';
  let active = new Set<string>();
  let calls = 0;
  return {
    progress(progress) {
      const now = new Set((episodes ? progress.active : []).map(({ fault, device }) => `${fault} on ${device}`));
      for (const one of now) if (!active.has(one)) out.write(`${wipe}${seconds(progress)}  starts: ${one}\n`);
      for (const one of active) if (!now.has(one)) out.write(`${wipe}${seconds(progress)}  ends:   ${one}\n`);
      active = now;
      calls += 1;
      const line = `${seconds(progress)}  sent ${progress.sent}, acknowledged ${progress.acknowledged}${progress.connected ? '' : ', no connection'}`;
      if (terminal !== undefined) out.write(`${wipe}${line}`);
      else if (calls % 10 === 0) out.write(`${line}\n`);
    },
    end: () => {
      if (terminal !== undefined) out.write('\n');
    },
  };
}

/** Renders a report as text. */
export function describe(report: SimulationReport): string {
  const lines = [
    `published ${report.published} messages in ${round(report.elapsedMs / 1000)} s, acknowledged ${report.acknowledged} (${report.perSecond}/s)`,
    `  readings ${report.readings} (${report.distinctReadings} distinct), garbage ${report.garbage}, status ${report.status}, duplicates ${report.duplicates}, withheld ${report.withheld}`,
  ];
  for (const [fault, { devices, messages, withheld }] of Object.entries(report.byFault)) {
    const shown =
      devices.length > 5 ? `${devices.slice(0, 5).join(', ')} and ${devices.length - 5} more` : devices.join(', ');
    lines.push(`  ${fault}: ${messages} messages${withheld > 0 ? `, ${withheld} withheld` : ''} (${shown})`);
  }
  if (report.unacknowledged > 0)
    lines.push(`  ${report.unacknowledged} were not acknowledged: it is unknown whether the broker has them`);
  return lines.join('\n');
}

/** Renders the table of `--list-faults`. */
export function listFaults(): string {
  const range = ([from, to]: readonly [number, number]) => `${from}–${to} s`;
  const row = (name: string, first: string, lasts: string, pause: string, summary: string) =>
    `${name.padEnd(13)}${first.padEnd(12)}${lasts.padEnd(12)}${pause.padEnd(12)}${summary}`;
  const rows = FAULT_NAMES.map((name: FaultName) => {
    const { timing, summary } = faults[name];
    return row(name, range(timing.first), range(timing.lasts), range(timing.pause), summary);
  });
  const note = 'If a device reports less often than every 5 s, all times are longer in proportion.';
  return [row('fault', 'starts', 'lasts', 'pause', 'what it does'), ...rows, '', note].join('\n');
}

function formatEvery(ms: number): string {
  return Number.isInteger(ms) ? formatDuration(ms) : `${round(ms)}ms`;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

function seconds({ elapsedMs }: SimulationProgress): string {
  return `${Math.round(elapsedMs / 1000)} s`.padStart(6);
}
