import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { JournalRecord } from '../../engine/model/record.ts';
import { type Output, startFold, takeApart } from './kit.ts';
import { asOlder } from './older-checkpoint.ts';
import { createBusySetup, scripts } from './samples.ts';

const setup = createBusySetup();

/** Rows and events in an order of their own: older versions did not write the numbers of keys, which order what is due at the same time. */
function contentOf(outputs: readonly Output[]) {
  const { rows, events } = takeApart(setup, outputs);
  const sorted = (items: readonly object[]) => items.map((item) => JSON.stringify(item)).sort();
  return [sorted(events), ...Object.values(rows).map(sorted)];
}

it('a fold continues from a checkpoint of an older version as if it were its own', { timeout: 120_000 }, () => {
  let compared = 0;
  fc.assert(
    fc.property(scripts, fc.nat(), ({ records }, choice) => {
      const cuts = records.flatMap((record, i) => (record.kind === 'mark' && record.mark === 'cut' ? [i + 1] : []));
      if (cuts.length === 0) return;
      const cut = cuts[choice % cuts.length]!;
      const undisturbed = startFold(setup);
      undisturbed.feed(records.slice(0, cut));
      const done = undisturbed.outputs.length;
      const older = asOlder(undisturbed.checkpoint());
      // Older versions did not write which watermarks moved since the last tick. This decides what is late in a group, up to the next tick.
      const { at, offset } = records[cut - 1]!;
      const rest = records.slice(cut).map((record) => ({ ...record, offset: record.offset + 1 }));
      const after: JournalRecord[] = [{ kind: 'tick', at, offset: offset + 1 }, ...rest];
      undisturbed.feed(after);
      const resumed = startFold(setup, older);
      resumed.feed(after);
      expect(contentOf(resumed.outputs)).toEqual(contentOf(undisturbed.outputs.slice(done)));
      compared += 1;
    }),
    { numRuns: 25 },
  );
  expect(compared).toBeGreaterThan(5);
});
