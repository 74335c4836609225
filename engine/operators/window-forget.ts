import type { Tick } from '../model/item/item.ts';
import type { DeviceMark } from '../state/device.ts';
import { forgottenBy } from '../state/directory.ts';
import type { StreamWindows } from './window-rules.ts';

/** Lets go of the devices and groups that a tick has removed: no group waits for such a device, and no timer wakes such a key. */
export function forgetKeys({ plan, stream }: StreamWindows, tick: Tick): void {
  for (const { stream: index, key, device } of forgottenBy(tick)) {
    if (index !== plan.index) continue;
    const { windowing } = key;
    windowing.wakeMs = Number.POSITIVE_INFINITY;
    if (windowing.group !== undefined) {
      windowing.group.wakeAt = Number.POSITIVE_INFINITY;
      if (windowing.group.isActive) remove(stream.activeGroups, key);
    }
    for (const mark of device?.marks ?? []) leaveGroup(mark, stream.watermarkCounts);
    if (device !== undefined) continue;
    for (const mark of windowing.watermarks as DeviceMark[]) {
      stream.changedDevices.touch(mark.device);
      remove(mark.device.marks, mark);
    }
    stream.watermarkCounts[key.keying]! -= windowing.watermarks.length;
    windowing.watermarks.length = 0;
  }
}

function leaveGroup(mark: DeviceMark, watermarkCounts: number[]): void {
  const { watermarks, group } = mark.key.windowing;
  if (!remove(watermarks, mark)) return;
  watermarkCounts[mark.key.keying]! -= 1;
  if (group?.awaited === mark) group.awaited = undefined;
}

/** Removes an element; the order of the others may change. */
function remove<T>(list: T[], element: T): boolean {
  const at = list.indexOf(element);
  if (at < 0) return false;
  const last = list.pop()!;
  if (at < list.length) list[at] = last;
  return true;
}
