import type { Clock } from '@millrace/runtime';
import type { AuditLog } from '@millrace/stores';
import type { DialectName } from '../events/canonical-event.ts';
import type { EventSink } from '../events/event-sink.ts';
import type { AuditEntries } from '../gateway/audit-entries.ts';
import type { AuthGateway } from '../gateway/auth.ts';
import type { CredentialVerifier } from '../gateway/credentials.ts';
import type { EventStats } from '../gateway/stats.ts';
import type { Route } from '../http/route.ts';
import type { RequestLimits } from '../limits/request-limits.ts';
import type { SchemaRegistry } from '../schemas/schema-registry.ts';

/** What a dialect's routes work with. */
export interface DialectDeps {
  readonly events: EventSink;
  readonly credentials: CredentialVerifier;
  readonly limits: RequestLimits;
  readonly stats: EventStats;
  readonly audit: AuditEntries;
  /** For the routes that change them; what events are held to is behind `events`. */
  readonly schemas: Omit<SchemaRegistry, 'close'>;
  /** Where deeds are told that the edge itself does. */
  readonly auditLog: AuditLog;
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
  /** Let `/graphql` describe its schema and suggest names, as in development. */
  readonly graphqlIntrospection: boolean;
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
