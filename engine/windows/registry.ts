import type { WindowPlan } from '../model/plan.ts';
import { count } from './count.ts';
import { hopping } from './hopping.ts';
import { sequence } from './sequence.ts';
import { session } from './session.ts';
import { sliding } from './sliding.ts';
import { state } from './state.ts';
import { tumbling } from './tumbling.ts';
import type { WindowKind } from './window-kind.ts';

/** Every kind of window; a new one is a file beside this one and a line here. */
export const windows: Readonly<Record<WindowPlan['kind'], WindowKind>> = {
  tumbling,
  hopping,
  sliding,
  session,
  count,
  state,
  sequence,
};
