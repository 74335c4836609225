import { type DetectorName, detectors } from '../../detectors/registry.ts';
import type { Path } from '../../document/document.ts';
import type { Fault } from '../../document/fault.ts';
import { isObject } from '../../model/json-object.ts';
import { aggregateOf } from '../compile/aggregate-facts.ts';
import { detectorOf } from '../compile/running-facts.ts';

/** What to write in a rule with a window instead. */
const INSTEAD: Readonly<Record<DetectorName, string>> = {
  previous: 'use {"first": …} and {"last": …}',
  delta: 'use {"range": …}, or subtract {"first": …} from {"last": …}',
  rate: 'use {"slope": …}',
  ewma: 'use {"mean": …}',
  zscore: 'use {"mean": …} and {"stddev": …}',
  mad: 'use {"median": …} and percentiles',
  unchangedFor: 'use {"range": …}, which is 0 where nothing changed',
  silentFor: 'use {"count": true}, or a rule with "silence"',
  inARow: 'use {"share": …}, which is 1 where every reading meets it',
};

/** Facts that do not fit a rule with, or without, a window. Takes the facts in whatever state they are. */
export function checkKinds(facts: Readonly<Record<string, unknown>>, hasWindow: boolean): Fault[] {
  return Object.entries(facts).flatMap(([name, spec]): Fault[] => {
    if (!isObject(spec)) return [];
    const aggregate = aggregateOf(spec);
    const detector = detectorOf(spec);
    if (!hasWindow && aggregate !== undefined && detector === undefined) return [needsWindow(name, aggregate)];
    if (hasWindow && detector !== undefined && aggregate === undefined) return [needsNone(name, detector)];
    return [];
  });
}

function needsWindow(name: string, aggregate: string): Fault {
  return {
    code: 'needs-window',
    path: at(name, aggregate),
    which: 'key',
    message: `The fact \`${name}\` sums up a window (\`${aggregate}\`), but the rule has none.`,
    remedy: `Add "window": {"tumbling": "10s"}. Facts without a window are ${Object.keys(detectors).join(', ')} and calculations.`,
  };
}

function needsNone(name: string, detector: DetectorName): Fault {
  return {
    code: 'needs-no-window',
    path: at(name, detector),
    which: 'key',
    message: `The fact \`${name}\` follows readings one by one (\`${detector}\`), but the rule looks at a window of them.`,
    remedy: `Remove \`window\`, or ${INSTEAD[detector]}.`,
  };
}

const at = (name: string, key: string): Path => ['facts', name, key];
