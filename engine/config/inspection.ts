import type { Path } from '../document/document.ts';
import { type Fault, formatPath, showValue } from '../document/fault.ts';
import { parseBytes } from '../model/bytes.ts';
import { parseDuration } from '../model/duration.ts';
import type { ConfigFile } from './config-file.ts';

/**
 * A config under inspection. It may have faults of structure already: what `isSound` denies must not be read,
 * and raises no further fault, so that one mistake is told once.
 */
export interface Inspection {
  readonly file: ConfigFile;
  readonly faults: Fault[];
  /** The value at the path exists as the schema wants it; its own parts may have faults. */
  readonly isPresent: (path: Path) => boolean;
  /** The value at the path and all that is in it are as the schema wants them. True also for what may be left out and is. */
  readonly isSound: (path: Path) => boolean;
}

/** Begins an inspection with the faults that the schema found. */
export function createInspection(file: ConfigFile, structural: readonly Fault[]): Inspection {
  const bad = structural.flatMap(({ path, meant }) =>
    meant === undefined ? [path] : [path, [...path.slice(0, -1), meant]],
  );
  const begins = (path: Path, start: Path) => start.length <= path.length && start.every((part, i) => part === path[i]);
  const isPresent = (path: Path) => !bad.some((place) => begins(path, place));
  return {
    file,
    faults: [],
    isPresent,
    isSound: (path) => isPresent(path) && !bad.some((place) => begins(place, path)),
  };
}

/** Smallest and largest value of a quantity, both as the file spells them. */
export interface NumberBounds {
  readonly min: string;
  readonly max: string;
}

/** Checks that a duration of the file lies within bounds, and is a whole number of seconds where that is asked for. */
export function checkDuration(
  inspection: Inspection,
  path: Path,
  text: string | undefined,
  bounds: NumberBounds,
  whole = false,
): void {
  if (text === undefined || !inspection.isSound(path)) return;
  checkBounds(inspection, path, text, bounds, (value) => parseDuration(String(value)) ?? 0);
  if (whole && (parseDuration(text) ?? 0) % 1_000 !== 0) {
    const message = `${formatPath(path)} is ${showValue(text)}, not a whole number of seconds.`;
    inspection.faults.push({ code: 'out-of-range', path, message, remedy: 'Write whole seconds, like "30s".' });
  }
}

/** Checks that a size of the file lies within bounds. */
export function checkBytes(
  inspection: Inspection,
  path: Path,
  size: number | string | undefined,
  bounds: NumberBounds,
): void {
  if (size === undefined || !inspection.isSound(path)) return;
  checkBounds(inspection, path, size, bounds, (value) => parseBytes(value) ?? 0);
}

function checkBounds(
  inspection: Inspection,
  path: Path,
  value: number | string,
  { min, max }: NumberBounds,
  measure: (value: number | string) => number,
): void {
  const side =
    measure(value) < measure(min) ? `less than ${min}` : measure(value) > measure(max) ? `more than ${max}` : undefined;
  if (side === undefined) return;
  const message = `${formatPath(path)} is ${showValue(value)}, ${side}.`;
  inspection.faults.push({ code: 'out-of-range', path, message, remedy: `Between "${min}" and "${max}".` });
}
