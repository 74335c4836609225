import type { Plan } from '../model/plan/plan.ts';
import type { RulePlan } from '../model/plan/rule-plan.ts';

/** What each part of the state needs to know in order to restore itself from a snapshot of another run, which may have had another config. */
export interface RestoreContext {
  readonly plan: Plan;
  /** By name: the rules that have not changed since the snapshot; they keep their state. */
  readonly kept: ReadonlyMap<string, RulePlan>;
  /** By name: the rules that are new, or that have changed since the snapshot. */
  readonly changed: ReadonlyMap<string, RulePlan>;
  /** By the connection indexes of the snapshot. */
  readonly connections: readonly RestoredConnection[];
  /** An older version wrote the snapshot, which did not keep the newest stamp of a device. When the device was last seen is used instead. */
  readonly lacksNewest: boolean;
  /** Names of the parts of the snapshot that are left out, for the log; restoring adds to them. */
  readonly dropped: string[];
}

/** The connection that a connection of the snapshot has become. The first one takes the place of a broker that the config no longer has. */
export interface RestoredConnection {
  readonly index: number;
  /** Live time from which waiting starts again, if the broker is gone; undefined if the broker is still there. */
  readonly seenLiveMs: number | undefined;
}

/** Compares the versions of the rules in a snapshot, by name, with those of the plan. */
export function compareRules(
  { rules }: Plan,
  versions: Readonly<Record<string, string>>,
): Pick<RestoreContext, 'kept' | 'changed'> {
  const isKept = ({ name, version }: RulePlan) => versions[name] === version;
  return {
    kept: new Map(rules.filter(isKept).map((rule) => [rule.name, rule])),
    changed: new Map(rules.filter((rule) => !isKept(rule)).map((rule) => [rule.name, rule])),
  };
}

/** Changes the connection index of the snapshot, and the live time that goes with it, to those of this run. */
export function reconnect<T extends { readonly connection: number; readonly seenLiveMs: number }>(
  seen: T,
  connections: readonly RestoredConnection[],
): T {
  const { index, seenLiveMs = seen.seenLiveMs } = connections[seen.connection]!;
  return { ...seen, connection: index, seenLiveMs };
}
