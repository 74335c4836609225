import { Rejection } from './rejection.ts';

/**
 * Searches a decoded value for keys that could change the prototype of an object built from it: an own `__proto__`, or a `constructor` with a
 * `prototype`. Undefined if there is none. It uses no recursion, so deep values cannot exhaust the stack.
 */
export function findForbidden(value: unknown): Rejection | undefined {
  const open: unknown[] = [value];
  while (open.length > 0) {
    const next = open.pop();
    if (typeof next !== 'object' || next === null || next instanceof Uint8Array) continue;
    if (Array.isArray(next)) {
      for (const element of next) open.push(element);
      continue;
    }
    if (Object.hasOwn(next, '__proto__')) return forbidden('__proto__');
    for (const [key, inner] of Object.entries(next)) {
      if (key === 'constructor' && typeof inner === 'object' && inner !== null && Object.hasOwn(inner, 'prototype')) {
        return forbidden('constructor.prototype');
      }
      open.push(inner);
    }
  }
  return undefined;
}

/** The rejection of a payload with such a key. */
export function forbidden(key: string): Rejection {
  return new Rejection('forbidden-key', `the payload has the key "${key}"; rename it`);
}
