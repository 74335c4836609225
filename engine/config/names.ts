import type { Path } from '../document/document.ts';
import type { Fault } from '../document/fault.ts';

/** Columns that every stream's table has of its own, and `key`, which alert messages know: no label or field may be named so. */
export const RESERVED_COLUMNS: readonly string[] = [
  'time',
  'received',
  'device',
  'extra',
  'late',
  'clamped',
  'offset',
  'id',
  'key',
];

/** Tables that Weir keeps beside those of the streams: no stream may be named so, nor end like one-minute summaries. */
export const RESERVED_TABLES: readonly string[] = [
  'alerts',
  'open_alerts',
  'facts',
  'gaps',
  'devices',
  'dead_letters',
  'migrations',
];

/** How the tables and views of one-minute summaries end, which stand beside that of each stream. */
const RESERVED_ENDING = /_1m(_states|_feed)?$/;

const IDENTIFIER = /^[A-Za-z_][A-Za-z0-9_]*$/;
const LONGEST = 64;

/** What is wrong with the name of a stream, label or field, which becomes that of a table or column; undefined where nothing is. */
export function checkName(kind: 'stream' | 'label' | 'field', name: string, path: Path): Fault | undefined {
  const shown = name.length > LONGEST ? `${name.slice(0, LONGEST - 1)}…` : name;
  const fault = (code: string, message: string, remedy: string): Fault => ({
    code,
    path,
    which: 'key',
    message,
    remedy,
  });
  if (!IDENTIFIER.test(name) || name.length > LONGEST) {
    const remedy = `Use letters, digits and _, at most ${LONGEST}, no digit first${suggestIdentifier(name)}.`;
    return fault(
      'bad-name',
      `The ${kind} name \`${shown}\` cannot name a ${kind === 'stream' ? 'table' : 'column'}.`,
      remedy,
    );
  }
  if (kind === 'stream' && RESERVED_TABLES.includes(name)) {
    return fault(
      'reserved-name',
      `\`${name}\` is a table of Weir's own.`,
      `Choose another than ${RESERVED_TABLES.join(', ')}.`,
    );
  }
  if (kind === 'stream' && RESERVED_ENDING.test(name)) {
    const message = `\`${name}\` may be the one-minute summary of another stream.`;
    return fault('reserved-name', message, 'Choose a name that does not end in _1m, _1m_states or _1m_feed.');
  }
  if (kind !== 'stream' && RESERVED_COLUMNS.includes(name)) {
    return fault(
      'reserved-name',
      `\`${name}\` is a name of Weir's own.`,
      `Choose another than ${RESERVED_COLUMNS.join(', ')}.`,
    );
  }
  return undefined;
}

function suggestIdentifier(name: string): string {
  const fixed = name
    .replaceAll(/[^A-Za-z0-9_]/g, '_')
    .replace(/^(?=\d)/, '_')
    .slice(0, LONGEST);
  return IDENTIFIER.test(fixed) && /[A-Za-z0-9]/.test(fixed) ? `, like \`${fixed}\`` : '';
}
