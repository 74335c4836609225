import type { Fault } from '../../document/fault.ts';

/** What the schema cannot say of a fact: the bounds of a histogram rise. Takes the facts in whatever state they are. */
export function checkBounds(facts: Readonly<Record<string, unknown>>): Fault[] {
  return Object.entries(facts).flatMap(([name, spec]): Fault[] => {
    const bounds = typeof spec === 'object' && spec !== null && 'bounds' in spec ? spec.bounds : undefined;
    if (!Array.isArray(bounds) || !bounds.every((bound) => typeof bound === 'number')) return [];
    const at = bounds.findIndex((bound, i) => i > 0 && bound <= bounds[i - 1]!);
    if (at < 0) return [];
    const message = `Of the bounds of \`${name}\`, ${bounds[at]} does not lie above ${bounds[at - 1]}, the one before.`;
    const rising = [...new Set(bounds)].sort((a, b) => a - b);
    return [
      { code: 'bad-bounds', path: ['facts', name, 'bounds', at], message, remedy: `Let them rise: ${quote(rising)}.` },
    ];
  });
}

const LONGEST_QUOTE = 60;

function quote(bounds: readonly number[]): string {
  const text = JSON.stringify(bounds);
  return text.length > LONGEST_QUOTE ? 'each above the one before' : text;
}
