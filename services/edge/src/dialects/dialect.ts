import type { Clock } from '@millrace/runtime';
import type { DialectName } from '../events/canonical-event.ts';
import type { EventSink } from '../events/event-sink.ts';
import type { AuthGateway } from '../gateway/auth.ts';
import type { CredentialVerifier } from '../gateway/credentials.ts';
import type { EventStats } from '../gateway/stats.ts';
import type { Route } from '../http/route.ts';

/** What a dialect's routes work with. */
export interface DialectDeps {
  readonly events: EventSink;
  readonly credentials: CredentialVerifier;
  readonly stats: EventStats;
  readonly auth: AuthGateway;
  readonly clock: Clock;
  /** A new UUIDv7 for the given time. */
  readonly newId: (nowMs: number) => string;
  /** Counts events that a decoder refused. */
  readonly countRejected: (dialect: DialectName, reason: string) => void;
  readonly settings: DialectSettings;
}

/** Settings that change what a dialect answers. */
export interface DialectSettings {
  /** Answer 200 to everything on the e-mail routes, as the original server did. */
  readonly emailCompatAlways200: boolean;
}

/** One published API: its routes, each a decoder (request → events) and an encoder (outcome → answer). */
export interface Dialect {
  readonly name: string;
  routes(deps: DialectDeps): readonly Route[];
}

/** A plain JSON body limit, raw and inflated, in bytes. */
export const BODY_LIMIT_BYTES = 1024 * 1024;

/** The body limit of batches, raw and inflated, in bytes. */
export const BATCH_BODY_LIMIT_BYTES = 10 * 1024 * 1024;
