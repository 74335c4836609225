/** Where a value stands in a reading: its root key's slot, and the keys below it. */
export interface Locator {
  readonly slot: number;
  readonly rest: readonly string[] | undefined;
}

/** A key that some path goes through, or ends at (`read`). */
export interface PathNode {
  readonly children: Map<string, PathNode>;
  read: boolean;
}

/** Root keys that a stream reads, each with the slot that its value is put in, and what is read below it. */
export interface Slots {
  readonly roots: Map<string, { readonly slot: number; readonly node: PathNode }>;
  /** Paths from the message's root, in the order of their slots, which come behind those of the roots. */
  readonly messagePaths: readonly (readonly string[])[];
  /** How many slots there are, of both kinds. */
  readonly size: number;
}

/**
 * Gives every path a slot: an element's root keys first, then the paths from the message's root (`$.a.b`), which only streams
 * with `each` tell apart. Returns the slots and each path's place in them, in the order given.
 */
export function assignSlots(paths: readonly string[], each: boolean): { slots: Slots; locators: readonly Locator[] } {
  const roots: Slots['roots'] = new Map();
  const messagePaths: string[][] = [];
  const split = paths.map((path) => ({
    ofMessage: each && path.startsWith('$.'),
    keys: (path.startsWith('$.') ? path.slice(2) : path).split('.'),
  }));
  for (const { ofMessage, keys } of split) {
    if (ofMessage) messagePaths.push(keys);
    else addPath(roots, keys);
  }
  let nextMessagePath = roots.size;
  const locators = split.map(({ ofMessage, keys }): Locator => {
    if (ofMessage) return { slot: nextMessagePath++, rest: undefined };
    return { slot: roots.get(keys[0]!)!.slot, rest: keys.length > 1 ? keys.slice(1) : undefined };
  });
  return { slots: { roots, messagePaths, size: roots.size + messagePaths.length }, locators };
}

function addPath(roots: Slots['roots'], keys: readonly string[]): void {
  const first = keys[0]!;
  let root = roots.get(first);
  if (root === undefined) {
    root = { slot: roots.size, node: { children: new Map(), read: false } };
    roots.set(first, root);
  }
  let node = root.node;
  for (const key of keys.slice(1)) {
    let child = node.children.get(key);
    if (child === undefined) {
      child = { children: new Map(), read: false };
      node.children.set(key, child);
    }
    node = child;
  }
  node.read = true;
}

/** The value at a path below a value; undefined where the path leads nowhere. Keys are own keys; of arrays, their indices. */
export function resolve(value: unknown, keys: readonly string[]): unknown {
  let current = value;
  for (let i = 0; i < keys.length; i++) {
    if (typeof current !== 'object' || current === null || current instanceof Uint8Array) return undefined;
    const key = keys[i]!;
    if (!Object.hasOwn(current, key) || (key === 'length' && Array.isArray(current))) return undefined;
    current = (current as Record<string, unknown>)[key];
  }
  return current;
}
