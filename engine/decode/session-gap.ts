/**
 * How far the messages of one broker are known to be whole, by what the journal says of its session. Receive times, milliseconds since
 * the epoch; -1 for none.
 */
export interface SessionTrace {
  /**
   * When a message last came by the session; before its first, when the session began. Those that come while the connection does not stand,
   * or intake is stopped, may have waited, and do not count.
   */
  heardAt: number;
  /** The broker has forgotten the session: messages may be missing from then on, until we are subscribed again. */
  missingFrom: number;
}

/** Messages of QoS 1 and 2 that the broker took in this span may be missing. */
export interface SessionGap {
  readonly from: number;
  readonly to: number;
}

export function createSessionTrace(): SessionTrace {
  return { heardAt: -1, missingFrom: -1 };
}

/** The broker has forgotten the session. Of one that never stood there is nothing to miss. */
export function loseSession(trace: SessionTrace): void {
  if (trace.missingFrom < 0) trace.missingFrom = trace.heardAt;
}

/**
 * Our subscriptions stand. Gives the gap that ends by it, if there is one. A session that goes on says nothing new by this: what its queue
 * holds may be as old as its last message.
 */
export function resumeSession(trace: SessionTrace, at: number): SessionGap | undefined {
  const { missingFrom } = trace;
  trace.missingFrom = -1;
  if (missingFrom >= 0 || trace.heardAt < 0) trace.heardAt = at;
  // Our clock may have been set back in between.
  return missingFrom < 0 ? undefined : { from: Math.min(missingFrom, at), to: at };
}
