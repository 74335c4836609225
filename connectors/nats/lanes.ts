import { DeliveryError } from '../../engine/ports.ts';

/** Keeps deliveries of one kind in order, while others overtake. */
export interface Lanes {
  /**
   * Runs `work` once everything given to the same lane before has ended. After a failure that is to be tried again, the lane
   * lets nothing pass but the retry of the same id, then of the next that it turned away, and so on; everything else in it
   * is turned away at once as transient. So an event never overtakes an older one of its lane, however the caller spaces its retries.
   */
  run(lane: string, id: string, work: () => Promise<void>): Promise<void>;
}

interface Lane {
  tail: Promise<void>;
  running: number;
  /** Ids that must still be delivered before any other, oldest first. */
  readonly owed: string[];
}

export function createLanes(): Lanes {
  const lanes = new Map<string, Lane>();
  return {
    run(name, id, work) {
      const lane = lanes.get(name) ?? { tail: Promise.resolve(), running: 0, owed: [] };
      lanes.set(name, lane);
      lane.running++;
      const result = lane.tail
        .then(() => attempt(lane, id, work))
        .finally(() => {
          lane.running--;
          if (lane.running === 0 && lane.owed.length === 0) lanes.delete(name);
        });
      lane.tail = result.catch(() => undefined);
      return result;
    },
  };
}

async function attempt(lane: Lane, id: string, work: () => Promise<void>): Promise<void> {
  const place = lane.owed.indexOf(id);
  if (lane.owed.length > 0 && place !== 0) {
    if (place < 0) lane.owed.push(id);
    throw new DeliveryError('transient', 'An earlier event of the same key is still to be delivered.', 'OUT_OF_ORDER');
  }
  try {
    await work();
    if (place === 0) lane.owed.shift();
  } catch (error) {
    const again = error instanceof DeliveryError && (error.class === 'transient' || error.class === 'overload');
    if (again && place < 0) lane.owed.push(id);
    if (!again && place === 0) lane.owed.shift();
    throw error;
  }
}
