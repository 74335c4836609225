import { isPlaceholder, parseTemplate, type Template } from '../model/topic.ts';

/** A topic template that can match topics. */
export interface TopicTemplate extends Template {
  /** The levels at the placeholders, in the order of `names`. Undefined: the topic does not match. */
  readonly match: (topic: string) => readonly string[] | undefined;
}

/**
 * Compiles a template such as `plant/{site}/{device}/data`. A `{name}` matches one whole level, `+` one level without a name, a last `#` all
 * following levels and also the level above. As in MQTT (MQTT 5.0, section 4.7), levels may be empty, letter case counts, and a placeholder
 * or wildcard on the first level does not match topics that begin with `$`. Throws if the check of the config would refuse the template.
 */
export function compileTopic(template: string): TopicTemplate {
  const parsed = parseTemplate(template);
  if ('message' in parsed) throw new Error(`Topic "${template}": ${parsed.message}`);
  return { ...parsed, match: createMatch(template.split('/')) };
}

function createMatch(template: readonly string[]): TopicTemplate['match'] {
  const open = template.at(-1) === '#';
  const levels = open ? template.slice(0, -1) : template;
  const kinds = levels.map((level) => (level === '+' ? 'any' : isPlaceholder(level) ? 'named' : 'literal'));
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
