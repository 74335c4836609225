import { covers } from '../../engine/model/topic.ts';

/** The largest number of topics whose answer is cached. */
const MAX_TOPICS = 50_000;
/** The longest topic that is cached; characters. */
const LONGEST_TOPIC = 256;

/**
 * Creates a function that returns whether the config wants messages on a topic. `wanted` are the filters of the config, `filters` all that
 * the session may be subscribed to. It returns false if only other filters of the session match: one that was removed from the config, or
 * one that merges several. It returns true if no known filter matches: such a message goes to the engine, which makes it a dead letter.
 * The answer depends on the topic alone, so a redelivered message is handled as before.
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
