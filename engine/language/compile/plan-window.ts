import type { Report } from '../../document/fault.ts';
import { durationOf, formatDuration } from '../../model/duration.ts';
import type { Keying } from '../../model/plan/keying.ts';
import type { WindowAggregate, WindowName, WindowPlan } from '../../model/plan/window-plan.ts';
import type { Reading } from '../../model/reading.ts';
import type { TopCondition, WindowSpec } from '../../model/rule.ts';
import { compileCondition } from '../conditions/conditions.ts';
import type { Scope } from './scope.ts';

/** What the plan of a window is made with. */
export interface WindowContext {
  readonly keying: Keying;
  readonly aggregates: readonly WindowAggregate[];
  /** How long the table of its readings keeps them; undefined: for ever. */
  readonly ttlDays: number | undefined;
  /** What conditions over single readings may name. */
  readonly scope: Scope<Reading>;
  readonly report: Report;
}

type Common = Pick<WindowPlan, 'latenessMs' | 'aggregates'>;
type Planners = {
  readonly [N in WindowName]: (
    spec: SpecOf<N>,
    common: Common,
    context: WindowContext,
  ) => Extract<WindowPlan, { kind: N }> | undefined;
};
/** How a rule file writes a kind of window, which is named as the key that every one of its kind has. */
export type SpecOf<N extends WindowName> = Extract<WindowSpec, { readonly [K in N]: unknown }>;

const planners: Planners = {
  tumbling: ({ tumbling }, common) => ({ kind: 'tumbling', sizeMs: durationOf(tumbling), ...common }),
  hopping: ({ hopping, every }, common) => ({
    kind: 'hopping',
    sizeMs: durationOf(hopping),
    everyMs: durationOf(every),
    ...common,
  }),
  sliding: ({ sliding }, common) => ({ kind: 'sliding', sizeMs: durationOf(sliding), ...common }),
  session: ({ session, max }, common) => ({
    kind: 'session',
    gapMs: durationOf(session),
    maxMs: limitOf(max),
    ...common,
  }),
  count: ({ count, every = count }, common, { keying }) => ({
    kind: 'count',
    size: count,
    every,
    paneSize: greatestDivisor(count, every),
    byArrival: !keying.byDevice,
    ...common,
  }),
  state: ({ state, max }, common, context) => {
    const from = compileEdge(state.from, 'from', context);
    const until = compileEdge(state.until, 'until', context);
    if (from === undefined || until === undefined) return undefined;
    return { kind: 'state', from, until, maxMs: limitOf(max), byArrival: !context.keying.byDevice, ...common };
  },
};

/** The kind of a window: the one key of its file that names a kind. */
export function windowNameOf(spec: object): WindowName | undefined {
  return (Object.keys(planners) as WindowName[]).find((name) => Object.hasOwn(spec, name));
}

/** Makes the plan of a window whose structure is sound; undefined where a condition in it is not. */
export function planWindow(spec: WindowSpec, context: WindowContext): WindowPlan | undefined {
  const kind = windowNameOf(spec)!;
  const common = {
    latenessMs: spec.lateness === undefined ? 0 : durationOf(spec.lateness),
    aggregates: context.aggregates,
  };
  checkRetention(common.latenessMs, context);
  const plan = planOf(kind, spec, common, context);
  if (plan !== undefined && 'byArrival' in plan && plan.byArrival && plan.latenessMs > 0) {
    context.report(['window', 'lateness'], {
      code: 'bad-window',
      message: `a window of kind "${kind}" takes the readings of a group as they arrive, so there is none to wait for`,
      remedy: 'Remove `lateness`, or let the rule be `"per": ["device"]`.',
    });
  }
  return plan;
}

/** A reading that is taken in must still have its row when the alert tells where to find it. */
function checkRetention(latenessMs: number, { ttlDays, report }: WindowContext): void {
  const retainMs = (ttlDays ?? Number.POSITIVE_INFINITY) * 86_400_000;
  if (latenessMs < retainMs) return;
  const [lateness, retain] = [formatDuration(latenessMs), formatDuration(retainMs)];
  report(['window', 'lateness'], {
    code: 'bad-window',
    message: `a lateness of ${lateness} takes readings in whose rows are deleted by then: the stream keeps them for ${retain}`,
    remedy: `Wait for less than "${retain}", or let the stream \`retain\` them for longer in the config.`,
  });
}

/** One call for all kinds: each planner takes what its own name stands for. */
function planOf<N extends WindowName>(
  name: N,
  spec: WindowSpec,
  common: Common,
  context: WindowContext,
): WindowPlan | undefined {
  return planners[name](spec as SpecOf<N>, common, context);
}

function compileEdge(condition: TopCondition, edge: 'from' | 'until', { scope, report }: WindowContext) {
  const { compiled, problems } = compileCondition(condition, scope);
  for (const { path, ...problem } of problems) report(['window', 'state', edge, ...path], problem);
  return compiled?.holds;
}

function limitOf(max: string | undefined): number {
  return max === undefined ? Number.POSITIVE_INFINITY : durationOf(max);
}

/** The greatest number that divides both (Euclid). */
export function greatestDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestDivisor(b, a % b);
}
