import { type DetectorName, detectors } from '../../detectors/registry.ts';
import type { Path } from '../../document/document.ts';
import type { Fault } from '../../document/fault.ts';
import { isObject } from '../../model/json-object.ts';
import { aggregateOf } from '../compile/aggregate-facts.ts';
import { detectorOf } from '../compile/running-facts.ts';

/** For each running fact: what a rule with a window can use instead. */
const INSTEAD: Readonly<Record<DetectorName, string>> = {
  previous: 'use {"first": …} and {"last": …}',
  delta: 'use {"range": …}, or subtract {"first": …} from {"last": …}',
  rate: 'use {"slope": …}',
  ewma: 'use {"mean": …}',
  zscore: 'use {"mean": …} and {"stddev": …}',
  mad: 'use {"median": …} and percentiles',
  unchangedFor: 'use {"range": …}, which is 0 if nothing changed',
  silentFor: 'use {"count": true}, or a rule with "silence"',
  inARow: 'use {"share": …}, which is 1 if every reading meets the condition',
};

/** Reports facts that need a window in a rule without one, and the reverse. The facts may have faults of structure. */
export function checkKinds(facts: Readonly<Record<string, unknown>>, hasWindow: boolean): Fault[] {
  return Object.entries(facts).flatMap(([name, spec]): Fault[] => {
    if (!isObject(spec)) return [];
    const aggregate = aggregateOf(spec);
    const detector = detectorOf(spec);
    if (!hasWindow && aggregate !== undefined && detector === undefined) return [needsWindow(name, aggregate)];
    if (hasWindow && detector !== undefined && aggregate === undefined) return [needsNoWindow(name, detector)];
    return [];
  });
}

function needsWindow(name: string, aggregate: string): Fault {
  return {
    code: 'needs-window',
    path: at(name, aggregate),
    which: 'key',
    message: `The fact \`${name}\` (\`${aggregate}\`) needs a window, but the rule has none.`,
    remedy: `Add "window": {"tumbling": "10s"}. Without a window, a rule can use ${Object.keys(detectors).join(', ')} and calculations.`,
  };
}

function needsNoWindow(name: string, detector: DetectorName): Fault {
  return {
    code: 'needs-no-window',
    path: at(name, detector),
    which: 'key',
    message: `The fact \`${name}\` (\`${detector}\`) needs single readings, but the rule has a window.`,
    remedy: `Remove \`window\`, or ${INSTEAD[detector]}.`,
  };
}

const at = (name: string, key: string): Path => ['facts', name, key];
