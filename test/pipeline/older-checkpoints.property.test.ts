import fc from 'fast-check';
import { expect, it } from 'vitest';
import { startFold, takeApart } from './kit.ts';
import { asOlder } from './older-checkpoint.ts';
import { createBusySetup, scripts } from './samples.ts';

const setup = createBusySetup();

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
      undisturbed.feed(records.slice(cut));
      const resumed = startFold(setup, older);
      resumed.feed(records.slice(cut));
      expect(takeApart(setup, resumed.outputs)).toEqual(takeApart(setup, undisturbed.outputs.slice(done)));
      compared += 1;
    }),
    { numRuns: 25 },
  );
  expect(compared).toBeGreaterThan(5);
});
