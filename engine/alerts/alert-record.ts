import type { AlertState, OfflineReason, Transition } from '../model/item/alert.ts';
import type { LevelRecord } from './hold.ts';

/** What is remembered of one alert (one rule, one key). Plain data. Instants are event time, milliseconds. */
export interface AlertRecord {
  state: 'inactive' | 'pending' | 'firing';
  /** When the conditions began to hold; meaningless while inactive. */
  since: number;
  /** Event time of its last change; -1 before the first. */
  changedAt: number;
  /** Journal offset of what caused that change; -1 before the first. Checkpoints of older versions do not have it. */
  changedOffset?: number;
  /** The last change is later than the stamp of its cause, so a later outcome may be earlier than the change. */
  ahead?: boolean;
  /** The level at which it fires, from 1; 0 while it does not. */
  level: number;
  /** By level, lowest first; made with the first outcome. */
  readonly levels: LevelRecord[];
  /**
   * Outcomes that do not hold matter too. Set by who judges as soon as conditions hold, true to the state once the alert has been
   * moved on: until then a needless outcome may pass, which changes nothing, but none that is needed is left out.
   */
  watched: boolean;
  /** Of rules that act with the passing of time, or that bound their events. */
  noise?: NoiseRecord;
}

/** A change of state, or of the level of a firing alert. */
export interface Change {
  readonly from: AlertState;
  readonly to: AlertState;
  readonly since: number;
  /** From 1; 0 where it does not fire. */
  readonly fromLevel: number;
  readonly toLevel: number;
}

export function createAlertRecord(): AlertRecord {
  return {
    state: 'inactive',
    since: -1,
    changedAt: -1,
    changedOffset: -1,
    ahead: false,
    level: 0,
    levels: [],
    watched: false,
  };
}

/** What is remembered of an alert so that it is told neither too seldom nor too often. Plain data; `…Ms` are of the alert clock. */
export interface NoiseRecord {
  /** Those who listen know it as open. */
  told: boolean;
  /** When it was last told, or would have been. */
  toldMs: number;
  /** The level it was last told at, or would have been, and since when its conditions held then. */
  level: number;
  since: number;
  /** Its last changes, oldest first, as far back as flapping looks; of one that flaps, the very last. */
  changes: number[];
  flapping: boolean;
  /** Heard time at its last outcome. */
  heardMs: number;
  /** How things stood at the last outcome while it was open. */
  last?: Explanation;
  /** Of a silence rule whose key is silent, whether or not the alert is open. */
  silent?: { readonly lastSeenAt: number; readonly reason: OfflineReason };
}

/** What facts and conditions were, and what shows it. */
export type Explanation = Pick<Transition, 'facts' | 'conditions' | 'evidence'>;

export function createNoiseRecord(): NoiseRecord {
  return { told: false, toldMs: 0, level: 0, since: -1, changes: [], flapping: false, heardMs: 0 };
}
