import { factsId } from '../delivery/event-id.ts';

/** Gives the id of a result of a view. `end` is the end of its window. */
export type ResultIds = (rule: string, key: string, offset: number, end: number) => string;

/**
 * Makes a source of ids for results of views. The ids are deterministic and unique. One record may cause several results of one view and key with
 * the same end: for example, a message may have two readings of one instant. Nothing is remembered from one record to the next.
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
