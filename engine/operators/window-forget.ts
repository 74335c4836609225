import type { Tick } from '../model/item/item.ts';
import { type DeviceMark, DeviceState, removeMark } from '../state/device.ts';
import { forgottenBy } from '../state/directory.ts';
import { GroupState } from '../state/group.ts';
import type { StreamWindows } from './window-rules.ts';

/** Lets go of the devices and groups that a tick has removed: no group waits for such a device, and no timer wakes such a key. */
export function forgetKeys(windows: StreamWindows, tick: Tick): void {
  for (const { stream, key } of forgottenBy(tick)) {
    if (stream !== windows.plan.index) continue;
    if (key instanceof DeviceState) forgetDevice(windows, key);
    else if (key instanceof GroupState) forgetGroup(windows, key);
  }
}

function forgetDevice({ stream: { watermarkCounts } }: StreamWindows, device: DeviceState): void {
  device.windowWakeMs = Number.POSITIVE_INFINITY;
  for (let mark = device.marks; mark !== undefined; mark = mark.next) {
    const { key } = mark;
    if (!remove(key.watermarks, mark)) continue;
    watermarkCounts[key.keying]! -= 1;
    if (key.awaited === mark) key.awaited = undefined;
  }
}

function forgetGroup({ stream }: StreamWindows, group: GroupState): void {
  group.wakeAt = Number.POSITIVE_INFINITY;
  group.wakeMs = Number.POSITIVE_INFINITY;
  if (group.isActive) remove(stream.activeGroups, group);
  for (const mark of group.watermarks as DeviceMark[]) {
    stream.changedKeys.touch(mark.device);
    removeMark(mark);
  }
  stream.watermarkCounts[group.keying]! -= group.watermarks.length;
  group.watermarks.length = 0;
}

/** Removes an element; the order of the others may change. */
function remove<T>(list: T[], element: T): boolean {
  const at = list.indexOf(element);
  if (at < 0) return false;
  const last = list.pop()!;
  if (at < list.length) list[at] = last;
  return true;
}
