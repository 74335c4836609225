const UNITS: Readonly<Record<string, number>> = {
  B: 1,
  kB: 1_000,
  KB: 1_000,
  MB: 1_000_000,
  GB: 1_000_000_000,
  KiB: 1_024,
  MiB: 1_048_576,
  GiB: 1_073_741_824,
};
const SHAPE = /^(\d+(?:\.\d+)?) ?([kKMG]?B|[KMG]iB)$/;

/** Bytes of a size such as `65536`, `"5MB"` (powers of 1000) or `"32MiB"` (powers of 1024). Undefined if it is not a size. */
export function parseBytes(size: number | string): number | undefined {
  if (typeof size === 'number') return Number.isSafeInteger(size) && size >= 0 ? size : undefined;
  const match = SHAPE.exec(size);
  const factor = match?.[2] === undefined ? undefined : UNITS[match[2]];
  if (match === null || factor === undefined) return undefined;
  const bytes = Math.round(Number(match[1]) * factor);
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}

/** The shortest exact text of a size in bytes: 33554432 → `"32MiB"`, 5000000 → `"5MB"`. */
export function formatBytes(bytes: number): string {
  for (const unit of ['GiB', 'GB', 'MiB', 'MB', 'KiB', 'kB']) {
    const factor = UNITS[unit] as number;
    if (bytes >= factor && bytes % factor === 0) return `${bytes / factor}${unit}`;
  }
  return `${bytes}B`;
}
