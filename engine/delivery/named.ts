/** An object of names and values. It is built from entries, so that a label may be called `__proto__`. */
export function named(names: readonly string[], values: readonly string[]): Readonly<Record<string, string>> {
  return Object.fromEntries(names.map((name, i) => [name, values[i] ?? '']));
}
