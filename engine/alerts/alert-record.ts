import type { AlertState, OfflineReason, Transition } from '../model/item/alert.ts';
import type { LevelRecord } from './hold.ts';

/** The state of one alert (one rule, one key). Plain data. Instants are event time in milliseconds. */
export interface AlertRecord {
  state: 'inactive' | 'pending' | 'firing';
  /** When the conditions began to hold. It has no meaning while the alert is inactive. */
  since: number;
  /** Event time of its last change; -1 before the first change. */
  changedAt: number;
  /** Journal offset of the record that caused that change; -1 before the first change. Checkpoints of older versions do not have it. */
  changedOffset?: number;
  /** Whether the last change has a later instant than the stamp of its cause. A later outcome may then be earlier than the change. */
  ahead?: boolean;
  /** The level at which it fires, from 1; 0 while it does not fire. */
  level: number;
  /** The state of each level, lowest first. A level is absent until its conditions have held. */
  readonly levels: LevelRecord[];
  /**
   * Whether outcomes that do not hold matter too. Evaluate sets it as soon as conditions hold, and transition corrects it after it has applied
   * the outcome. In between, an unneeded outcome may be passed, which changes nothing, but no needed outcome is skipped.
   */
  watched: boolean;
  /** Present for rules that act when time passes, or that limit their events. */
  noise?: NoiseRecord;
}

/** A change of state, or of the level of a firing alert. */
export interface Change {
  readonly from: AlertState;
  readonly to: AlertState;
  readonly since: number;
  /** From 1; 0 if the alert does not fire. */
  readonly fromLevel: number;
  readonly toLevel: number;
}

/** The state of an alert before its first outcome. */
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

/** The state of an alert that decides which of its events are published. Plain data; fields with `Ms` are times of the alert clock. */
export interface NoiseRecord {
  /** Whether the alert was published as open. */
  told: boolean;
  /** When an event was last published, or would have been without suppression. */
  toldMs: number;
  /** The level of that event. */
  level: number;
  /** When the conditions began to hold, in that event. */
  since: number;
  /** Times of its last changes, oldest first, as far back as `flapping` needs. While it flaps: only the last change. */
  changes: number[];
  flapping: boolean;
  /** Heard time (see `AlertClock`) at its last outcome. */
  heardMs: number;
  /** Facts and conditions at the last outcome while the alert was open. */
  last?: Explanation;
  /** Only for a silence rule: present while the key is silent, even if the alert is not open. */
  silent?: { readonly lastSeenAt: number; readonly reason: OfflineReason };
}

/** Facts, conditions and evidence of an outcome. */
export type Explanation = Pick<Transition, 'facts' | 'conditions' | 'evidence'>;

/** The state before the first change. */
export function createNoiseRecord(): NoiseRecord {
  return { told: false, toldMs: 0, level: 0, since: -1, changes: [], flapping: false, heardMs: 0 };
}
