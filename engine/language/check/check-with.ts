import type { Path } from '../../document/document.ts';
import type { Fault } from '../../document/fault.ts';
import type { JsonObject } from '../../model/json-object.ts';

/** What is wrong with `with` beside the other keys of a rule; takes it in whatever state it is. `has` tells which keys there are, or are meant. */
export function checkWith({ stream, with: other }: JsonObject, has: (key: string) => boolean): Fault[] {
  // Beside silence, that it stands there is all there is to say.
  if (typeof other !== 'object' || other === null || has('silence')) return [];
  const { stream: named, last } = other as JsonObject;
  const faults: Fault[] = [];
  if (typeof named === 'string' && named === stream) {
    const message = `\`with\` names "${named}", which is the rule's own stream already.`;
    const remedy = 'Name another stream, or remove `with`: its own fields need none.';
    faults.push({ code: 'same-stream', path: ['with', 'stream'], message, remedy });
  }
  if (last === undefined && !has('window') && !has('sequence')) {
    const message = '`with` without `last` joins the readings of a window, but the rule has none.';
    const remedy =
      'Add "last": "10m" to it, and each reading carries the last known values; or add "window": {"tumbling": "1m"}.';
    const path: Path = ['with'];
    faults.push({ code: 'needs-window', path, which: 'key', message, remedy });
  }
  return faults;
}
