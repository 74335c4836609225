/** A log message for the operator. It never contains a secret. */
export interface MqttNotice {
  readonly level: 'info' | 'warn' | 'error';
  /** Stable code for log filters. */
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
  /** The name of the broker in the config. */
  readonly broker: string;
  /** One sentence. */
  readonly message: string;
}
