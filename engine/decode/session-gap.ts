/**
 * Up to when the messages of one broker are known to be complete, from what the journal says about its session. Receive times in milliseconds
 * since the epoch; -1: none.
 */
export interface SessionTrace {
  /**
   * When the session last delivered a message; before the first message, when the session began. Messages that arrive while the connection is
   * not established, or while intake is stopped, may be old, so they do not count.
   */
  heardAt: number;
  /** Set while the broker has lost the session: messages from this time until the next subscription may be missing. */
  missingFrom: number;
}

/** Messages of QoS 1 and 2 that the broker accepted in this time may be missing. */
export interface SessionGap {
  readonly from: number;
  readonly to: number;
}

/** The trace before the first session. */
export function createSessionTrace(): SessionTrace {
  return { heardAt: -1, missingFrom: -1 };
}

/** Call this when the broker has lost the session. Before the first session, nothing can be missing. */
export function loseSession(trace: SessionTrace): void {
  if (trace.missingFrom < 0) trace.missingFrom = trace.heardAt;
}

/**
 * Call this when Weir is subscribed again. Returns the gap that ends now, if there is one. `heardAt` does not change if the session was
 * resumed, because its queue may hold messages as old as its last message.
 */
export function resumeSession(trace: SessionTrace, at: number): SessionGap | undefined {
  const { missingFrom } = trace;
  trace.missingFrom = -1;
  if (missingFrom >= 0 || trace.heardAt < 0) trace.heardAt = at;
  // The clock may have been set back in between.
  return missingFrom < 0 ? undefined : { from: Math.min(missingFrom, at), to: at };
}
