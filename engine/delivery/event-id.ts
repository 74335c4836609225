import type { AlertState, Notice } from '../model/item/alert.ts';
import { LIMIT_TOKEN, subjectToken } from './subjects.ts';

/**
 * The id of a change of an alert. It is unique in a journal:
 * `<journalId>.<offset>.<rule>.<key>.<state>.<at in µs>`, where each part is a subject token. For an event without a change of state, `repeat`
 * or `stable` replaces the state.
 */
export function transitionId(
  journalId: string,
  offset: number,
  rule: string,
  key: string,
  state: AlertState | Notice['notice'],
  at: number,
): string {
  const what = `${subjectToken(rule)}.${subjectToken(key)}.${state}.${Math.round(at * 1000)}`;
  return `${subjectToken(journalId)}.${offset}.${what}`;
}

/** The id of the event that summarizes a rule's limit at a tick. No key has the token `~limit`. */
export function overflowId(journalId: string, offset: number, rule: string, at: number): string {
  return eventId(journalId, offset, subjectToken(rule), LIMIT_TOKEN, 'limited', String(Math.round(at * 1000)));
}

/** The id of a view's result. If one record causes several results that agree in all parameters, the caller must make their ids different. */
export function factsId(journalId: string, offset: number, rule: string, key: string, end: number): string {
  return eventId(journalId, offset, subjectToken(rule), subjectToken(key), 'facts', String(Math.round(end * 1000)));
}

/** Joins the parts of an event's id. Each part must be a subject token. */
export function eventId(journalId: string, offset: number, ...parts: readonly string[]): string {
  return `${subjectToken(journalId)}.${offset}.${parts.join('.')}`;
}
