import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { restore } from '../../engine/state/snapshot.ts';
import { piecesOf, startFold, takeApart } from './kit.ts';
import { SETUP, write } from './whole-checkpoint.ts';

/** What a version wrote that had the whole state in one object, of `write().before`. */
const WHOLE = readFileSync(new URL('./whole-checkpoint.txt', import.meta.url), 'utf8');

it('continues from a checkpoint of the version that wrote one object as if it were its own', () => {
  const { before, behind } = write();
  const undisturbed = startFold(SETUP);
  undisturbed.feed(before);
  const done = undisturbed.outputs.length;
  undisturbed.feed(behind);
  const resumed = startFold(SETUP, WHOLE);
  resumed.feed(behind);
  const { rows, events } = takeApart(SETUP, resumed.outputs);
  expect(events.map(({ subject }) => subject)).toEqual([
    'weir.alerts.warning.open-and-warm.d1',
    'weir.alerts.warning.hot.d1',
    'weir.alerts.warning.jump.d1',
    'weir.alerts.warning.many.north',
  ]);
  expect(rows.sensors!.map((row) => row.temp)).toEqual([9, 70]);
  expect({ rows, events }).toMatchObject(
    (({ rows, events }) => ({ rows, events }))(takeApart(SETUP, undisturbed.outputs.slice(done))),
  );
});

it('leaves out nothing of it, and writes it as pieces', () => {
  const { state, dropped } = restore(SETUP.plan, ['mqtt'], piecesOf(WHOLE));
  expect(dropped).toEqual([]);
  expect(state.attributes.ofReadings.get('d1')?.text).toBe('{"model":"X"}');
  const kinds = piecesOf(startFold(SETUP, WHOLE).checkpoint()).map(([kind]) => kind);
  expect(kinds.slice(0, 2)).toEqual(['head', 'stream']);
  expect(new Set(kinds)).toEqual(new Set(['head', 'stream', 'key', 'device', 'known', 'attributes', 'traces']));
});
