/** Something that an operator may want to read in the log. Never holds a secret. */
export interface MqttNotice {
  readonly level: 'info' | 'warn' | 'error';
  /** Stable, for filters. */
  readonly code:
    | 'connected'
    | 'disconnected'
    | 'protocol-fallback'
    | 'session-lost'
    | 'subscribe-failed'
    | 'qos-lowered'
    | 'unsubscribed'
    | 'unsubscribe-failed'
    | 'memory-failed'
    | 'status-failed'
    | 'oversize';
  readonly broker: string;
  /** One sentence. */
  readonly message: string;
}
