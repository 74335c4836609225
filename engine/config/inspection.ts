import type { Path } from '../document/document.ts';
import { type Fault, formatPath, showValue } from '../document/fault.ts';
import { parseBytes } from '../model/bytes.ts';
import { parseDuration } from '../model/duration.ts';
import type { ConfigFile } from './config-file.ts';

/**
 * A config that is being checked. It may have faults of structure. A value for which `isSound` is false must not be read and gets no
 * further fault, so that each mistake is reported once.
 */
export interface Inspection {
  readonly file: ConfigFile;
  readonly faults: Fault[];
  /** True if the value at the path has the type that the schema requires. Its parts may have faults. */
  readonly isPresent: (path: Path) => boolean;
  /** True if the value at the path and all of its parts have no fault. Also true for an optional value that is missing. */
  readonly isSound: (path: Path) => boolean;
}

/** Starts the inspection of a config with the faults that the schema check found. */
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

/** Minimum and maximum of a quantity, written as in the file. */
export interface NumberBounds {
  readonly min: string;
  readonly max: string;
}

/** Checks that a duration is within bounds and, if `whole` is true, that it is a whole number of seconds. */
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
    const message = `${formatPath(path)} is ${showValue(text)}, which is not a whole number of seconds.`;
    inspection.faults.push({ code: 'out-of-range', path, message, remedy: 'Write whole seconds, like "30s".' });
  }
}

/** Checks that a size is within bounds. */
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
  const limit =
    measure(value) < measure(min)
      ? `the minimum is "${min}"`
      : measure(value) > measure(max)
        ? `the maximum is "${max}"`
        : undefined;
  if (limit === undefined) return;
  const message = `${formatPath(path)} is ${showValue(value)}; ${limit}.`;
  inspection.faults.push({ code: 'out-of-range', path, message, remedy: `Write a value from "${min}" to "${max}".` });
}
