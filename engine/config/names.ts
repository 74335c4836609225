import type { Path } from '../document/document.ts';
import type { Fault } from '../document/fault.ts';

/** Names that no label or field may have: the columns of Weir in the table of each stream, and `key`, which alert messages use. */
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

/** Tables of Weir itself, whose names no stream may have. */
export const RESERVED_TABLES: readonly string[] = [
  'alerts',
  'open_alerts',
  'facts',
  'gaps',
  'devices',
  'dead_letters',
  'migrations',
];

/** Endings of the tables and views with one-minute summaries of each stream, which no stream name may have. */
const RESERVED_ENDING = /_1m(_states|_feed)?$/;

const IDENTIFIER = /^[A-Za-z_][A-Za-z0-9_]*$/;
const LONGEST = 64;

/** Checks the name of a stream, label or field, which becomes the name of a table or column; undefined if it is valid. */
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
    const remedy = `Use at most ${LONGEST} letters, digits and _, and no digit first${suggestIdentifier(name)}.`;
    return fault(
      'bad-name',
      `The ${kind} name \`${shown}\` is not a valid name for a ${kind === 'stream' ? 'table' : 'column'}.`,
      remedy,
    );
  }
  if (kind === 'stream' && RESERVED_TABLES.includes(name)) {
    return fault(
      'reserved-name',
      `\`${name}\` is the name of a table of Weir itself.`,
      `Choose another name. Reserved: ${RESERVED_TABLES.join(', ')}.`,
    );
  }
  if (kind === 'stream' && RESERVED_ENDING.test(name)) {
    const message = `\`${name}\` has the ending of the one-minute summaries of streams.`;
    return fault('reserved-name', message, 'Choose a name that does not end in _1m, _1m_states or _1m_feed.');
  }
  if (kind !== 'stream' && RESERVED_COLUMNS.includes(name)) {
    return fault(
      'reserved-name',
      `\`${name}\` is a reserved name.`,
      `Choose another name. Reserved: ${RESERVED_COLUMNS.join(', ')}.`,
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
