import { covers } from '../../engine/model/topic.ts';

/** Topics remembered, and the longest that is. */
const MAX_TOPICS = 50_000;
const LONGEST_TOPIC = 256;

/**
 * Makes the question whether a topic is wanted: by the filters that the config asks for (`wanted`), among those that the session may have.
 * It is not where it came by another of these alone: one that was removed from the config, or one that takes the place of several. Where it
 * came by none that is known, it is for the engine to say that nobody asked for it. The answer depends on the topic alone, so what is
 * delivered again fares as before.
 */
export function createWanted(wanted: readonly string[], filters: readonly string[]): (topic: string) => boolean {
  const others = filters.filter((filter) => !wanted.includes(filter));
  if (others.length === 0) return () => true;
  const known = new Map<string, boolean>();
  return (topic) => {
    let answer = known.get(topic);
    if (answer !== undefined) return answer;
    answer = wanted.some((filter) => covers(filter, topic)) || !others.some((filter) => covers(filter, topic));
    if (topic.length <= LONGEST_TOPIC) {
      if (known.size >= MAX_TOPICS) known.clear();
      known.set(topic, answer);
    }
    return answer;
  };
}
