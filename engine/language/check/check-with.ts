import type { Path } from '../../document/document.ts';
import type { Fault } from '../../document/fault.ts';
import type { JsonObject } from '../../model/json-object.ts';

/** Checks `with` together with the other keys of a rule, which may have faults of structure. `has` says whether a key is present, also if it is mistyped. */
export function checkWith({ stream, with: other }: JsonObject, has: (key: string) => boolean): Fault[] {
  // That `with` cannot be combined with `silence` is reported elsewhere.
  if (typeof other !== 'object' || other === null || has('silence')) return [];
  const { stream: named, last } = other as JsonObject;
  const faults: Fault[] = [];
  if (typeof named === 'string' && named === stream) {
    const message = `\`with\` names "${named}", which is the rule's own stream.`;
    const remedy = 'Name another stream, or remove `with`: the rule can use the fields of its own stream without it.';
    faults.push({ code: 'same-stream', path: ['with', 'stream'], message, remedy });
  }
  if (last === undefined && !has('window') && !has('sequence')) {
    const message = '`with` without `last` needs a window, but the rule has none.';
    const remedy =
      'Add "last": "10m" to it: each reading then gets the last known values of the other stream. Or add "window": {"tumbling": "1m"}.';
    const path: Path = ['with'];
    faults.push({ code: 'needs-window', path, which: 'key', message, remedy });
  }
  return faults;
}
