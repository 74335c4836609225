import { map, type OperatorFunction } from 'rxjs';
import type { Item } from '../model/item/item.ts';

/**
 * One step of the fold: takes one item, and appends its results to `out`, with the item itself if later steps need it.
 * Synchronous. Remembers nothing outside of the state that it was made with.
 */
export type Step<In = Item> = (item: In, out: Item[]) => void;

/** A step that passes on every item, and adds none. It may change the item. */
export type PassingStep = (item: Item) => void;

/** Makes a step an RxJS operator over small arrays, so that the cost of RxJS is per array and not per reading. */
export function lift<In = Item>(step: Step<In>): OperatorFunction<readonly In[], readonly Item[]> {
  return map((items) => {
    const out: Item[] = [];
    for (let i = 0; i < items.length; i++) step(items[i]!, out);
    return out;
  });
}

/** As `lift`, without new arrays: a step that passes on every item does not need them. */
export function liftPassing(step: PassingStep): OperatorFunction<readonly Item[], readonly Item[]> {
  return map((items) => {
    for (let i = 0; i < items.length; i++) step(items[i]!);
    return items;
  });
}
