import type { LevelPlan, Lifecycle } from '../../engine/model/plan/lifecycle-plan.ts';

/** A lifecycle without waits and suppression, with the given changes. */
export function createLifecycle(
  parts: Partial<Lifecycle> & { readonly forMs?: number; readonly hold?: LevelPlan['hold'] } = {},
): Lifecycle {
  const { forMs = 0, hold = { forMs }, ...rest } = parts;
  return {
    levels: [{ severity: 'warning', hold }],
    keepFiringMs: 0,
    resolveAfterMs: 0,
    repeatMs: 0,
    flapping: undefined,
    limit: undefined,
    active: [],
    ...rest,
  };
}
