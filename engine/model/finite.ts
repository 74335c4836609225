/** The number as the value of a fact: undefined if it is infinite or NaN. */
export function finite(value: number): number | undefined {
  return Number.isFinite(value) ? value : undefined;
}
