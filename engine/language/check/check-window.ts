import type { Path } from '../../document/document.ts';
import type { Fault } from '../../document/fault.ts';
import { formatDuration, parseDuration } from '../../model/duration.ts';
import { MAX_PANES, type WindowName } from '../../model/plan/window-plan.ts';
import type { WindowSpec } from '../../model/rule.ts';
import { greatestDivisor, type SpecOf, windowNameOf } from '../compile/plan-window.ts';

/** The longest that windows of a kind may wait: what readings wait in (or panes) must not grow without bound. */
const LONGEST_LATENESS_MS: Readonly<Record<WindowName, number>> = {
  tumbling: 86_400_000,
  hopping: 86_400_000,
  sliding: 3_600_000,
  session: 3_600_000,
  count: 3_600_000,
  state: 3_600_000,
};

const checks: { readonly [N in WindowName]: (spec: SpecOf<N>) => Fault[] } = {
  tumbling: ({ tumbling, lateness }) => checkPanes(msOf(tumbling), 1, lateness),
  hopping: ({ hopping, every, lateness }) => checkHopping(hopping, every, lateness),
  sliding: () => [],
  session: ({ session, max }) => {
    if (max === undefined || msOf(max) >= msOf(session)) return [];
    const message = `A session of ${max} at most is over before a gap of ${session} is.`;
    return [fault('max', message, `Let \`max\` be "${session}" or longer.`)];
  },
  count: ({ count, every = count }) => checkCount(count, every),
  state: () => [],
};

/** Finds what is wrong with a window of sound structure: parts that do not fit each other, or would keep too much. */
export function checkWindow(window: unknown): Fault[] {
  if (typeof window !== 'object' || window === null) return [];
  const name = windowNameOf(window);
  if (name === undefined) return [];
  const spec = window as WindowSpec;
  const faults = checkOne(name, spec);
  const waitMs = spec.lateness === undefined ? 0 : msOf(spec.lateness);
  const longestMs = LONGEST_LATENESS_MS[name];
  if (waitMs > longestMs && faults.length === 0) {
    const message = `A lateness of ${spec.lateness} is more than a window of kind \`${name}\` may wait.`;
    faults.push(fault('lateness', message, `At most "${formatDuration(longestMs)}".`));
  }
  return faults;
}

/** One call for all kinds: each check takes what its own name stands for. */
function checkOne<N extends WindowName>(name: N, spec: WindowSpec): Fault[] {
  return checks[name](spec as SpecOf<N>);
}

/** A hopping window is kept as panes of the length of `every`, so its own length must be a multiple. */
function checkHopping(hopping: string, every: string, lateness: string | undefined): Fault[] {
  const size = msOf(hopping);
  const hop = msOf(every);
  if (size % hop !== 0) {
    const below = Math.floor(size / hop) * hop;
    const near = [below, below + hop].filter((ms) => ms > 0).map((ms) => `"${formatDuration(ms)}"`);
    const message = `A window of ${hopping} is no multiple of ${every}.`;
    return [fault('every', message, `Let \`every\` divide \`hopping\`: with this one, ${near.join(' or ')}.`)];
  }
  const panes = size / hop;
  if (panes <= MAX_PANES) return checkPanes(hop, panes, lateness);
  const message = `A window of ${hopping} every ${every} has ${panes} panes, more than ${MAX_PANES}.`;
  const least = formatDuration(Math.ceil(size / MAX_PANES));
  return [fault('every', message, `Let it hop less often, like every "${least}" at most.`)];
}

/** Every pane stays for as long as it may still get readings. */
function checkPanes(paneMs: number, panes: number, lateness: string | undefined): Fault[] {
  const waitMs = lateness === undefined ? 0 : msOf(lateness);
  if (panes + Math.ceil(waitMs / paneMs) <= MAX_PANES) return [];
  const message = `Waiting ${lateness} keeps ${panes + Math.ceil(waitMs / paneMs)} panes of ${formatDuration(paneMs)} open, more than ${MAX_PANES}.`;
  const longestMs = (MAX_PANES - panes) * paneMs;
  const wait = longestMs === 0 ? 'Do not wait' : `Wait "${formatDuration(longestMs)}" at most`;
  return [fault('lateness', message, `${wait}, or let windows begin less often.`)];
}

function checkCount(count: number, every: number): Fault[] {
  if (every > count) {
    const message = `A window of ${count} readings every ${every} would leave out some in between.`;
    return [fault('every', message, `Let \`every\` be ${count} or less.`)];
  }
  const panes = count / greatestDivisor(count, every);
  if (panes <= MAX_PANES) return [];
  const message = `A window of ${count} readings every ${every} has ${panes} panes, more than ${MAX_PANES}.`;
  return [
    fault('every', message, `Let \`every\` and \`count\` have a greater divisor in common: ${nearCount(count)}.`),
  ];
}

/** The smallest hop that divides the window into few enough panes. */
function nearCount(count: number): string {
  let every = Math.ceil(count / MAX_PANES);
  while (count % every !== 0) every += 1;
  return `with this \`count\`, ${every}`;
}

function fault(key: string, message: string, remedy: string): Fault {
  const path: Path = ['window', key];
  return { code: 'bad-window', path, message, remedy };
}

/** The structure check has seen to it that the text is a duration. */
function msOf(text: string): number {
  return parseDuration(text) ?? 0;
}
