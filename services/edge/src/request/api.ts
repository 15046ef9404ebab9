import type { Clock } from '@millrace/runtime';
import type { AuditLog } from '@millrace/stores';
import type { z } from 'zod';
import type { AuditEntries, Deletions, EventStats, Questions } from '../clients/analytics.ts';
import type { DeliveryQuestions } from '../clients/analytics-deliveries.ts';
import type { SqlAnswers } from '../clients/analytics-streams.ts';
import type { AuthGateway } from '../clients/auth.ts';
import type { WebhookGateway } from '../clients/webhook.ts';
import type { DialectName } from '../ingest/canonical-event.ts';
import type { SchemaGuard } from '../ingest/schemas/schema-guard.ts';
import type { SchemaRegistry } from '../ingest/schemas/schema-registry.ts';
import type { EventSink } from '../ingest/submit.ts';
import type { TailDeps } from '../management/tail/show-events.ts';
import type { Reply } from '../server/exchange.ts';
import type { Failure } from '../server/failure.ts';
import type { RequestLimits } from '../server/limits/request-limits.ts';
import type { PublicGrant } from '../server/public-grant.ts';
import type { Route } from '../server/route.ts';

/** What an API's routes work with. */
export interface ApiDeps {
  readonly events: EventSink;
  readonly limits: RequestLimits;
  readonly stats: EventStats;
  readonly audit: AuditEntries;
  readonly questions: Questions;
  readonly sql: SqlAnswers;
  readonly deletions: Deletions;
  readonly tail: TailDeps;
  /** For the routes that change them; what events are held to is behind `events`. */
  readonly schemas: Omit<SchemaRegistry, 'close'>;
  /** Why an event violates the schema of its name, for routes that keep one and submit it later. */
  readonly checkEvent: SchemaGuard['check'];
  /** Where is recorded what the edge itself does. */
  readonly auditLog: AuditLog;
  readonly auth: AuthGateway;
  readonly webhooks: WebhookGateway;
  readonly deliveries: DeliveryQuestions;
  readonly publicGrant: PublicGrant;
  readonly clock: Clock;
  /** A new UUIDv7 for the given time. */
  readonly newId: (nowMs: number) => string;
  /** Counts events that a decoder refused. */
  readonly countRejected: (dialect: DialectName, reason: string) => void;
  readonly settings: ApiSettings;
}

/** Settings that change what an API answers. */
export interface ApiSettings {
  /** Answer 200 to everything on the e-mail routes, as the original server did. */
  readonly emailCompatAlways200: boolean;
  /** Let `/graphql` describe its schema and suggest names, as in development. */
  readonly graphqlIntrospection: boolean;
}

/** One published API: its routes, each a decoder (request → what is asked) and an encoder (outcome → answer). */
export interface Api {
  readonly name: string;
  routes(deps: ApiDeps): readonly Route[];
  /** How paths and methods below some prefixes are refused that no route has; where no API says so, by problem details. */
  readonly unrouted?: UnroutedPaths;
}

/** Paths that are an API's own, whether it has a route there or not. */
export interface UnroutedPaths {
  /** Whole segments: `/api/v1`. */
  readonly prefixes: readonly string[];
  /** What `encodeFailure` writes. */
  readonly errors: z.ZodType;
  encodeFailure(failure: Failure): Reply;
}

/** A plain JSON body limit, raw and inflated, in bytes. */
export const BODY_LIMIT_BYTES = 1024 * 1024;

/** The body limit of batches, raw and inflated, in bytes. */
export const BATCH_BODY_LIMIT_BYTES = 10 * 1024 * 1024;
