/** Something wrong with a topic template, and what would be right. */
export interface TopicProblem {
  readonly message: string;
  readonly remedy: string;
}

/** A topic template, compiled. */
export interface TopicTemplate {
  /** The MQTT filter to subscribe to: every placeholder is a `+`. */
  readonly filter: string;
  /** Placeholders, in their order in the template. */
  readonly names: readonly string[];
  /** The levels that the placeholders stand for, in the order of `names`; undefined where the topic does not match. */
  readonly match: (topic: string) => readonly string[] | undefined;
}

export type CompiledTopic =
  | { readonly ok: true; readonly template: TopicTemplate }
  | { readonly ok: false; readonly problems: readonly TopicProblem[] };

const PLACEHOLDER = /^\{([A-Za-z_][A-Za-z0-9_]*)\}$/;
const LONGEST_BYTES = 65_535;

/**
 * Compiles a template such as `plant/{site}/{device}/data`: a `{name}` takes one whole level, `+` one without a name, a last `#` all
 * that follow and the level above. As MQTT has it (MQTT 5.0, section 4.7), levels may be empty, letter case counts, and a placeholder
 * or wildcard on the first level does not match topics that begin with `$`.
 */
export function compileTopic(template: string): CompiledTopic {
  const levels = template.split('/');
  const names = levels.flatMap((level) => PLACEHOLDER.exec(level)?.[1] ?? []);
  const problems = [
    ...wholeProblems(template),
    ...levels.flatMap((level, i) => levelProblems(level, i === levels.length - 1)),
  ];
  for (const name of new Set(names.filter((name, i) => names.indexOf(name) !== i))) {
    problems.push({
      message: `The placeholder {${name}} stands twice in the topic.`,
      remedy: 'Give each placeholder its own name.',
    });
  }
  if (problems.length > 0) return { ok: false, problems };
  const filter = levels.map((level) => (PLACEHOLDER.test(level) ? '+' : level)).join('/');
  return { ok: true, template: { filter, names, match: createMatch(levels) } };
}

function wholeProblems(template: string): TopicProblem[] {
  const problems: TopicProblem[] = [];
  if (template === '')
    problems.push({ message: 'The topic is empty.', remedy: 'Write one such as "plant/{device}/data".' });
  if (template.includes('\0')) {
    problems.push({ message: 'The topic contains a NUL character.', remedy: 'Remove it; MQTT forbids it.' });
  }
  if (Buffer.byteLength(template) > LONGEST_BYTES) {
    problems.push({
      message: 'The topic is longer than 65535 bytes.',
      remedy: 'Shorten it; MQTT knows no longer ones.',
    });
  }
  if (template.startsWith('$share/')) {
    problems.push({
      message: 'The topic begins with "$share/", which messages never do.',
      remedy: 'Write the topic as devices send it; a shared subscription belongs under the broker\'s "subscribe".',
    });
  }
  return problems;
}

function levelProblems(level: string, last: boolean): TopicProblem[] {
  if (level === '+' || PLACEHOLDER.test(level)) return [];
  if (level === '#') {
    return last ? [] : [{ message: '"#" stands before the last level.', remedy: 'Use "+" for a level in the middle.' }];
  }
  if (level.includes('#') || level.includes('+')) {
    return [{ message: `"#" or "+" is only part of the level "${level}".`, remedy: 'Let it take the whole level.' }];
  }
  if (level.includes('{') || level.includes('}')) {
    return [
      {
        message: `"${level}" is no placeholder.`,
        remedy:
          'Let a placeholder take the whole level, as in "{device}": a letter or "_", then letters, digits or "_".',
      },
    ];
  }
  return [];
}

function createMatch(template: readonly string[]): TopicTemplate['match'] {
  const open = template.at(-1) === '#';
  const levels = open ? template.slice(0, -1) : template;
  const kinds = levels.map((level) => (level === '+' ? 'any' : PLACEHOLDER.test(level) ? 'named' : 'literal'));
  const wildFirst = template[0] === '#' || kinds[0] !== 'literal';
  return (topic) => {
    if (wildFirst && topic.startsWith('$')) return undefined;
    const found = topic.split('/');
    if (open ? found.length < levels.length : found.length !== levels.length) return undefined;
    const values: string[] = [];
    for (let i = 0; i < levels.length; i++) {
      const kind = kinds[i];
      if (kind === 'literal' && levels[i] !== found[i]) return undefined;
      if (kind === 'named') values.push(found[i]!);
    }
    return values;
  };
}
