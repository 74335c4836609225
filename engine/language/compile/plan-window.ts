import type { Report } from '../../document/fault.ts';
import { durationOf, formatDuration } from '../../model/duration.ts';
import type { Keying } from '../../model/plan/keying.ts';
import type { WindowAggregate, WindowName, WindowPlan } from '../../model/plan/window-plan.ts';
import type { Reading } from '../../model/reading.ts';
import type { TopCondition, WindowSpec } from '../../model/rule.ts';
import { compileCondition } from '../conditions/conditions.ts';
import type { Scope } from './scope.ts';

/** What is needed to plan a window. */
export interface WindowContext {
  readonly keying: Keying;
  readonly aggregates: readonly WindowAggregate[];
  /** For how many days the table keeps the readings; undefined if without limit. */
  readonly ttlDays: number | undefined;
  /** The names that conditions over single readings can use. */
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
/** The spec of a kind of window. Each kind has a required key with the name of the kind. */
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

/** Finds the kind of a window: the key of its spec that is the name of a kind. */
export function windowNameOf(spec: object): WindowName | undefined {
  return (Object.keys(planners) as WindowName[]).find((name) => Object.hasOwn(spec, name));
}

/** Plans a window whose structure is valid; undefined if a condition in it has a fault. */
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
      message: `A \`${kind}\` window over several devices takes readings in the order of their arrival, so \`lateness\` has no effect.`,
      remedy: 'Remove `lateness`, or use "per": ["device"].',
    });
  }
  return plan;
}

/** Reports a `lateness` that is not shorter than `retain`: an alert refers to the rows of its readings, which must still exist. */
function checkRetention(latenessMs: number, { ttlDays, report }: WindowContext): void {
  const retainMs = (ttlDays ?? Number.POSITIVE_INFINITY) * 86_400_000;
  if (latenessMs < retainMs) return;
  const [lateness, retain] = [formatDuration(latenessMs), formatDuration(retainMs)];
  report(['window', 'lateness'], {
    code: 'bad-window',
    message: `With a \`lateness\` of ${lateness}, rows of readings may be deleted before their window closes: the stream keeps rows for ${retain}.`,
    remedy: `Set \`lateness\` to less than "${retain}", or increase \`retain\` of the stream in the config.`,
  });
}

/** Calls the planner of a kind of window with the spec of that kind. */
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

/** The greatest common divisor (Euclid's algorithm). */
export function greatestDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestDivisor(b, a % b);
}

/** Event time from one result of a window to the next, as far as it is known, plus its lateness. */
export function emitIntervalOf(window: WindowPlan): number {
  switch (window.kind) {
    case 'tumbling':
      return window.sizeMs + window.latenessMs;
    case 'hopping':
      return window.everyMs + window.latenessMs;
    case 'session':
      return window.gapMs + window.latenessMs;
    default:
      return window.latenessMs;
  }
}
