import type { Path } from '../../document/document.ts';
import type { Fault } from '../../document/fault.ts';
import { formatDuration, parseDuration } from '../../model/duration.ts';
import { MAX_PANES, type WindowName } from '../../model/plan/window-plan.ts';
import type { WindowSpec } from '../../model/rule.ts';
import { greatestDivisor, type SpecOf, windowNameOf } from '../compile/plan-window.ts';

/** The maximum `lateness` of each kind of window. It bounds the readings or panes that are buffered. */
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
    const message = `\`max\` (${max}) is shorter than the gap that ends the session (${session}).`;
    return [fault('max', message, `Set \`max\` to "${session}" or longer.`)];
  },
  count: ({ count, every = count }) => checkCount(count, every),
  state: () => [],
};

/** Checks a window whose structure is valid: its parts must fit each other, and must not need too much memory. */
export function checkWindow(window: unknown): Fault[] {
  if (typeof window !== 'object' || window === null) return [];
  const name = windowNameOf(window);
  if (name === undefined) return [];
  const spec = window as WindowSpec;
  const faults = checkOne(name, spec);
  const waitMs = spec.lateness === undefined ? 0 : msOf(spec.lateness);
  const longestMs = LONGEST_LATENESS_MS[name];
  if (waitMs > longestMs && faults.length === 0) {
    const message = `The \`lateness\` of ${spec.lateness} is too long for a \`${name}\` window.`;
    faults.push(fault('lateness', message, `The maximum is "${formatDuration(longestMs)}".`));
  }
  return faults;
}

/** Calls the check of a kind of window with the spec of that kind. */
function checkOne<N extends WindowName>(name: N, spec: WindowSpec): Fault[] {
  return checks[name](spec as SpecOf<N>);
}

/** A hopping window is stored as panes of the length `every`, so its length must be a multiple of that. */
function checkHopping(hopping: string, every: string, lateness: string | undefined): Fault[] {
  const size = msOf(hopping);
  const hop = msOf(every);
  if (size % hop !== 0) {
    const below = Math.floor(size / hop) * hop;
    const near = [below, below + hop].filter((ms) => ms > 0).map((ms) => `"${formatDuration(ms)}"`);
    const message = `The window length ${hopping} is not a multiple of \`every\` (${every}).`;
    return [fault('every', message, `With this \`every\`, set \`hopping\` to ${near.join(' or ')}.`)];
  }
  const panes = size / hop;
  if (panes <= MAX_PANES) return checkPanes(hop, panes, lateness);
  const message = `A window of ${hopping} every ${every} has ${panes} panes; the maximum is ${MAX_PANES}.`;
  const least = formatDuration(Math.ceil(size / MAX_PANES));
  return [fault('every', message, `Set \`every\` to "${least}" or longer.`)];
}

/** Panes stay open for as long as they may still get readings, so `lateness` adds panes. */
function checkPanes(paneMs: number, panes: number, lateness: string | undefined): Fault[] {
  const waitMs = lateness === undefined ? 0 : msOf(lateness);
  if (panes + Math.ceil(waitMs / paneMs) <= MAX_PANES) return [];
  const message = `A \`lateness\` of ${lateness} keeps ${panes + Math.ceil(waitMs / paneMs)} panes of ${formatDuration(paneMs)} open; the maximum is ${MAX_PANES}.`;
  const longestMs = (MAX_PANES - panes) * paneMs;
  const wait = longestMs === 0 ? 'Remove `lateness`' : `Set \`lateness\` to at most "${formatDuration(longestMs)}"`;
  return [fault('lateness', message, `${wait}, or use a longer interval between windows.`)];
}

function checkCount(count: number, every: number): Fault[] {
  if (every > count) {
    const message = `A window of ${count} readings every ${every} readings would skip some readings.`;
    return [fault('every', message, `Set \`every\` to ${count} or less.`)];
  }
  const panes = count / greatestDivisor(count, every);
  if (panes <= MAX_PANES) return [];
  const message = `A window of ${count} readings every ${every} readings has ${panes} panes; the maximum is ${MAX_PANES}.`;
  return [
    fault(
      'every',
      message,
      `Choose values with a larger common divisor. With this \`count\`, set \`every\` to ${nearestEvery(count)}.`,
    ),
  ];
}

/** The smallest `every` that divides the window into few enough panes. */
function nearestEvery(count: number): number {
  let every = Math.ceil(count / MAX_PANES);
  while (count % every !== 0) every += 1;
  return every;
}

function fault(key: string, message: string, remedy: string): Fault {
  const path: Path = ['window', key];
  return { code: 'bad-window', path, message, remedy };
}

/** Milliseconds of a duration. The schema check has already accepted the text. */
function msOf(text: string): number {
  return parseDuration(text) ?? 0;
}
