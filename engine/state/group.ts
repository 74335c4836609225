import { NOT_IN_WHEEL } from '../devices/timing-wheel.ts';
import type { Watermark } from '../windows/watermark.ts';
import { createNumbers, KeyState } from './key.ts';

/** What the fold remembers about a group of devices. All that it has beyond a key belongs to window. */
export class GroupState extends KeyState {
  readonly parts: readonly string[];
  /** The watermarks of its devices, in no order. Part of a snapshot with the devices. */
  watermarks: Watermark[] = [];
  /** Index of the broker that last delivered a reading of the group. */
  connection = 0;
  /** The tick for which `passedAt` was computed; -1: never. Not part of a snapshot: it saves work, and decides nothing. */
  passedTick = -1;
  /** The watermark of the group at that tick. */
  passedAt = 0;
  /** The next tick looks at the group. Not part of a snapshot: after a restart it looks at all groups. */
  isActive = false;
  /** Receive time for which a timer is set; Infinity for none. Not part of a snapshot. */
  wakeAt = Number.POSITIVE_INFINITY;
  slot = NOT_IN_WHEEL;
  /** The same in live time. */
  wakeMs = Number.POSITIVE_INFINITY;
  quietSlot = NOT_IN_WHEEL;
  /** A device that the windows of the group wait for. Not part of a snapshot: it saves work, and decides nothing. */
  awaited: Watermark | undefined = undefined;
  /** Where the search for the next such device begins. Not part of a snapshot. */
  cursor = 0;

  constructor(text: string, parts: readonly string[], keying: number, number: number) {
    super(text, keying, number, NUMBERS.slice());
    this.parts = parts;
  }
}

const NUMBERS = createNumbers();
