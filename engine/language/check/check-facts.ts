import type { Fault } from '../../document/fault.ts';

/** Checks what the schema cannot express about facts: the bounds of a histogram must rise. The facts may have faults of structure. */
export function checkBounds(facts: Readonly<Record<string, unknown>>): Fault[] {
  return Object.entries(facts).flatMap(([name, spec]): Fault[] => {
    const bounds = typeof spec === 'object' && spec !== null && 'bounds' in spec ? spec.bounds : undefined;
    if (!Array.isArray(bounds) || !bounds.every((bound) => typeof bound === 'number')) return [];
    const at = bounds.findIndex((bound, i) => i > 0 && bound <= bounds[i - 1]!);
    if (at < 0) return [];
    const message = `The bounds of \`${name}\` must rise, but ${bounds[at]} comes after ${bounds[at - 1]}.`;
    const rising = [...new Set(bounds)].sort((a, b) => a - b);
    return [
      {
        code: 'bad-bounds',
        path: ['facts', name, 'bounds', at],
        message,
        remedy: `Write the bounds in rising order: ${showBounds(rising)}.`,
      },
    ];
  });
}

const LONGEST_QUOTE = 60;

function showBounds(bounds: readonly number[]): string {
  const text = JSON.stringify(bounds);
  return text.length > LONGEST_QUOTE ? 'each higher than the one before it' : text;
}
