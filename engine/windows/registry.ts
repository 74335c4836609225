import type { WindowPlan } from '../model/plan/window-plan.ts';
import { countWindow } from './count-window.ts';
import { hopping } from './hopping-window.ts';
import { sequence } from './sequence.ts';
import { session } from './session-window.ts';
import { sliding } from './sliding-window.ts';
import { stateWindow } from './state-window.ts';
import { tumbling } from './tumbling-window.ts';
import type { WindowKind } from './window-kind.ts';

/** Every kind of window. To add one, add a file beside this one and a line here. */
export const windows: Readonly<Record<WindowPlan['kind'], WindowKind>> = {
  tumbling,
  hopping,
  sliding,
  session,
  count: countWindow,
  state: stateWindow,
  sequence,
};
