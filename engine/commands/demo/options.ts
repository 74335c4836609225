import { parseArgs } from 'node:util';
import { parseDuration } from '../../model/duration.ts';
import type { FaultSpec } from '../../simulator/assignment.ts';
import { parseFaultArguments } from '../simulate/fault-arguments.ts';

/** The options of `weir demo`. */
export interface DemoOptions {
  /** How long to publish; undefined means until Ctrl-C. */
  readonly forMs: number | undefined;
  readonly json: boolean;
  readonly devices: number;
  readonly everyMs: number;
  readonly seed: number;
  readonly faults: readonly FaultSpec[];
  /** Folder for all data, as the user wrote it. */
  readonly dir: string;
}

/**
 * Faults of the devices if `--fault` is not given. There are enough of each kind to show firing alerts, late readings and rejected
 * messages within half a minute (alerts resolve after a minute and a half). There are no duplicates and no disconnects, so that the
 * counts are equal at every stage.
 */
export const DEFAULT_FAULTS: readonly FaultSpec[] = [
  { name: 'overheating', devices: { share: 0.06 } },
  { name: 'spikes', devices: { share: 0.12 } },
  { name: 'stuck', devices: { share: 0.04 } },
  { name: 'silence', devices: { share: 0.06 } },
  { name: 'garbage', devices: { share: 0.06 } },
  { name: 'clock-skew', devices: { share: 0.1 } },
  { name: 'reordering', devices: { share: 0.06 } },
];

const MOST_DEVICES = 100_000;

/**
 * Parses the arguments. `problems` has one sentence with a remedy for each invalid one. Unknown options throw, as in `parseArgs`.
 */
export function parseDemoArguments(args: readonly string[]): {
  readonly options: DemoOptions;
  readonly problems: readonly string[];
} {
  const { values } = parseArgs({
    args: [...args],
    options: {
      for: { type: 'string' },
      json: { type: 'boolean', default: false },
      devices: { type: 'string', default: '50' },
      every: { type: 'string', default: '1s' },
      seed: { type: 'string', default: '1' },
      fault: { type: 'string', multiple: true },
      dir: { type: 'string', default: '.weir/demo' },
    },
  });
  const problems: string[] = [];
  const devices = integer('devices', values.devices, 1, MOST_DEVICES, problems);
  if (values.dir === '') problems.push('--dir is empty; name a folder, or leave it out for .weir/demo');
  const options: DemoOptions = {
    forMs: values.for === undefined ? undefined : duration('for', values.for, problems),
    json: values.json,
    devices,
    everyMs: duration('every', values.every, problems),
    seed: integer('seed', values.seed, 0, Number.MAX_SAFE_INTEGER, problems),
    faults: values.fault === undefined ? DEFAULT_FAULTS : parseFaultArguments(values.fault, devices, problems),
    dir: values.dir,
  };
  return { options, problems };
}

function integer(name: string, text: string, least: number, most: number, problems: string[]): number {
  const number = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (number >= least && number <= most) return number;
  problems.push(`--${name} "${text}" is not valid; write a whole number from ${least} to ${most}`);
  return least;
}

function duration(name: string, text: string, problems: string[]): number {
  const ms = parseDuration(text);
  if (ms !== undefined && ms >= 1) return ms;
  problems.push(
    `--${name} "${text}" is not a duration of 1 ms or more; write a number and a unit, such as 500ms, 30s, 2m or 1h`,
  );
  return 1_000;
}
