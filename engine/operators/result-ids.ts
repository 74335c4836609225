import { factsId } from '../delivery/event-id.ts';

/** Gives the results of views their ids. */
export type ResultIds = (rule: string, key: string, offset: number, end: number) => string;

/**
 * Makes what gives results of views deterministic ids, no two alike: one record may bring about several results of one view and key
 * with the same end, as where a message has two readings of one instant. It remembers nothing from one record to the next.
 */
export function createResultIds(journalId: string): ResultIds {
  const given = new Map<string, number>();
  let at = -1;
  return (rule, key, offset, end) => {
    if (offset !== at) {
      given.clear();
      at = offset;
    }
    const id = factsId(journalId, offset, rule, key, end);
    const before = given.get(id) ?? 0;
    given.set(id, before + 1);
    return before === 0 ? id : `${id}.${before}`;
  };
}
