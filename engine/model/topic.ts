/** A parsed topic template. */
export interface Template {
  /** The topic filter: the template with `+` for every placeholder. */
  readonly filter: string;
  /** Names of the placeholders, in their order. */
  readonly names: readonly string[];
}

/** What is wrong with a topic, and what would be right. */
export interface TopicFault {
  readonly message: string;
  readonly remedy: string;
}

const PLACEHOLDER = /^\{([A-Za-z_][A-Za-z0-9_]*)\}$/;
const LONGEST_BYTES = 65_535;

/** Whether a level of a template is a placeholder. */
export function isPlaceholder(level: string): boolean {
  return PLACEHOLDER.test(level);
}

/** Parses a topic template such as `plant/{site}/{device}/data`, or says what is wrong with it (MQTT 5.0, section 4.7). */
export function parseTemplate(topic: string): Template | TopicFault {
  const levels = topic.split('/');
  const names: string[] = [];
  const parts: string[] = [];
  for (const level of levels) {
    const name = PLACEHOLDER.exec(level)?.[1];
    if (name === undefined && /[{}]/.test(level)) {
      return {
        message: `\`${level}\` is not a placeholder.`,
        remedy: 'A placeholder is a whole level, like {device}.',
      };
    }
    if (name !== undefined && names.includes(name)) {
      return {
        message: `The placeholder {${name}} is in the topic twice.`,
        remedy: 'Give each placeholder its own name, or write + for one of them.',
      };
    }
    if (name !== undefined) names.push(name);
    parts.push(name === undefined ? level : '+');
  }
  const filter = parts.join('/');
  if (topic.startsWith('$share/')) {
    return {
      message: 'No message has a topic that begins with `$share/`.',
      remedy: 'Write the topic as devices send it. Write the shared subscription under `subscribe`.',
    };
  }
  return checkFilter(filter) ?? { filter, names };
}

/** What is wrong with an MQTT topic filter. Undefined: it is valid. */
export function checkFilter(filter: string): TopicFault | undefined {
  const levels = filter.split('/');
  if (filter === '') return { message: 'The topic is empty.', remedy: 'Write it like "plant/{device}/data".' };
  if (filter.includes('\0')) return { message: 'The topic has a NUL character.', remedy: 'Remove it.' };
  if (Buffer.byteLength(filter) > LONGEST_BYTES) {
    return { message: `The topic is longer than ${LONGEST_BYTES} bytes.`, remedy: 'Shorten it.' };
  }
  for (const [index, level] of levels.entries()) {
    if (level.length > 1 && /[+#]/.test(level)) {
      return { message: `\`${level}\` mixes a wildcard with text.`, remedy: 'A wildcard must be a whole level.' };
    }
    if (level === '#' && index < levels.length - 1) {
      return { message: '`#` is not at the last level.', remedy: 'Use + for a level before the last one.' };
    }
  }
  return undefined;
}

/** Whether a subscription to one filter gets every message that another filter matches. */
export function covers(subscribed: string, wanted: string): boolean {
  const have = subscribed.replace(/^\$share\/[^/]*\//, '').split('/');
  const want = wanted.split('/');
  // A wildcard on the first level leaves out topics that begin with $ (MQTT 5.0, section 4.7.2).
  if (/^[+#]$/.test(have[0]!) && wanted.startsWith('$')) return false;
  for (const [index, level] of have.entries()) {
    if (level === '#') return true;
    const other = want[index];
    if (other === undefined || other === '#') return false;
    if (level !== '+' && level !== other) return false;
  }
  return have.length === want.length;
}

/** Whether a topic exists that matches both filters. Do not pass shared subscriptions (see `isShared`), which are no filters. */
export function overlaps(one: string, other: string): boolean {
  // A wildcard on the first level leaves out topics that begin with $ (MQTT 5.0, section 4.7.2).
  if (/^[+#]/.test(one) && other.startsWith('$')) return false;
  if (/^[+#]/.test(other) && one.startsWith('$')) return false;
  const [a, b] = [one.split('/'), other.split('/')];
  for (let i = 0; i < Math.max(a.length, b.length); i++) {
    if (a[i] === '#' || b[i] === '#') return true;
    if (a[i] === undefined || b[i] === undefined) return false;
    if (a[i] !== b[i] && a[i] !== '+' && b[i] !== '+') return false;
  }
  return true;
}

/** The narrowest single filter, level by level, that covers two overlapping filters. */
export function mergeFilters(one: string, other: string): string {
  const [a, b] = [one.split('/'), other.split('/')];
  const merged: string[] = [];
  for (let i = 0; i < Math.min(a.length, b.length); i++) {
    if (a[i] === '#' || b[i] === '#') return [...merged, '#'].join('/');
    merged.push(a[i] === b[i] ? a[i]! : '+');
  }
  // The filters overlap, so the longer one can only have `#` here.
  return a.length === b.length ? merged.join('/') : [...merged, '#'].join('/');
}

/** A shared subscription (MQTT 5.0, section 4.8.2): the broker gives each of its messages to one member of the group. */
export function isShared(filter: string): boolean {
  return filter.startsWith('$share/');
}
