/** A number as a fact may be: undefined where a calculation has left the finite numbers. */
export function finite(value: number): number | undefined {
  return Number.isFinite(value) ? value : undefined;
}
