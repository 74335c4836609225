import { parseArgs } from 'node:util';
import { parseDuration } from '../../model/duration.ts';
import { countOf, type FaultSpec } from '../../simulator/assignment.ts';
import { FAULT_NAMES, type FaultName } from '../../simulator/faults.ts';

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
    faults: values.fault === undefined ? DEFAULT_FAULTS : faultSpecs(values.fault, devices, problems),
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

function faultSpecs(texts: readonly string[], devices: number, problems: string[]): FaultSpec[] {
  const specs: FaultSpec[] = [];
  for (const text of texts) {
    const [name, amount, ...rest] = text.split(':');
    const size = amount === undefined ? { count: 1 } : sizeOf(amount);
    if (!FAULT_NAMES.includes(name as FaultName)) {
      problems.push(`--fault "${name}" is unknown; choose one of ${FAULT_NAMES.join(', ')}`);
    } else if (size === undefined || rest.length > 0) {
      problems.push(`--fault "${text}" has no valid number or share; write ${name}:3, ${name}:0.1 or ${name}:10%`);
    } else if (specs.some((spec) => spec.name === name)) {
      problems.push(`--fault ${name} is given twice; give it once`);
    } else {
      const spec: FaultSpec = { name: name as FaultName, devices: size };
      if (countOf(spec, devices) > devices) {
        problems.push(`--fault ${text} needs more devices than there are; use at most ${devices}`);
      }
      specs.push(spec);
    }
  }
  return specs;
}

/** `3` is a number of devices; `0.1`, `1.0` and `10%` are shares. */
function sizeOf(text: string): { readonly share: number } | { readonly count: number } | undefined {
  if (/^\d+$/.test(text)) return Number(text) > 0 ? { count: Number(text) } : undefined;
  const match = /^(\d*\.?\d+)(%?)$/.exec(text);
  const share = match === null ? Number.NaN : Number(match[1]) / (match[2] === '%' ? 100 : 1);
  return share > 0 && share <= 1 ? { share } : undefined;
}
