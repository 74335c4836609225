import { covers } from '../../engine/model/topic.ts';

/** Topics remembered, and the longest that is. */
const MAX_TOPICS = 50_000;
const LONGEST_TOPIC = 256;

/**
 * Tells whether the config asks for messages on a topic; `wanted` are its filters, `filters` all that the session may be subscribed to.
 * False where only other filters of the session match: one that was removed from the config, or one that merges several. True where no known
 * filter matches: such a message goes to the engine, which makes it a dead letter. The answer depends on the topic alone, so a redelivered
 * message is treated as before.
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
