/** Where a value is in a reading: the slot of its root key, and the keys below it. */
export interface Locator {
  readonly slot: number;
  readonly rest: readonly string[] | undefined;
}

/** A key that a path goes through, or ends at (`read`). */
export interface PathNode {
  readonly children: Map<string, PathNode>;
  read: boolean;
}

/** The root keys that a stream reads: the slot for the value of each, and the paths below it. */
export interface Slots {
  readonly roots: Map<string, { readonly slot: number; readonly node: PathNode }>;
  /** Paths from the message's root, in the order of their slots. These slots are after the slots of the root keys. */
  readonly messagePaths: readonly (readonly string[])[];
  /** The number of slots of both kinds. */
  readonly size: number;
}

/**
 * Assigns a slot to every path: first the root keys of an element, then the paths from the message's root (`$.a.b`). Without `each`, an
 * element is the message, so `$.` has no effect. Returns the slots, and each path's place in them in the order of `paths`.
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

/** The value at a path below a value; undefined if the path does not exist. Keys are own keys of objects and indices of arrays. */
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
