/** The published APIs that events come through. */
export type DialectName = 'workflow' | 'analytics' | 'email' | 'external-event' | 'cloudevents' | 'native';

/** An event as every dialect's decoder yields it; the fields are those of `millrace.event.v1.Event`. */
export interface CanonicalEvent {
  /** From the credential, never from a body. */
  readonly workspaceId: string;
  /** What the client is answered. */
  readonly eventId: string;
  readonly eventType: string;
  readonly dialect: DialectName;
  /** Empty where the dialect has none; so are userId and sessionId. */
  readonly source: string;
  readonly userId: string;
  readonly sessionId: string;
  readonly occurredAtMs: number;
  readonly receivedAtMs: number;
  /** 1 to 10. */
  readonly priority: number;
  readonly labels: readonly string[];
  /** JSON text, byte for byte as it came. */
  readonly payload: string;
  /** JSON text. */
  readonly metadata: string;
  /** 32 hex digits or empty. */
  readonly traceId: string;
  /**
   * The client's own id for the event and the space in which it is unique; undefined when the client gave none,
   * and then nothing is a duplicate of it. Of `content` a hash is kept, to tell a retry from another event under the same id.
   */
  readonly identity: EventIdentity | undefined;
}

/** What makes a retry recognisable. */
export interface EventIdentity {
  /** For example `analytics` or `email`; ids of different scopes never meet. */
  readonly scope: string;
  readonly id: string;
  /** The part of the request that a retry repeats. */
  readonly content: string;
}
