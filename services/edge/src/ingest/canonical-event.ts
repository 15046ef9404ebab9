import type { EventFields } from '@millrace/wire';

/** The published APIs that events come through. */
export type DialectName =
  | 'workflow'
  | 'analytics'
  | 'email'
  | 'external-event'
  | 'cloudevents'
  | 'chatbot'
  | 'native';

/** An event as every dialect's decoder yields it. */
export interface CanonicalEvent extends EventFields {
  readonly dialect: DialectName;
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
