import type { z } from 'zod';
import type { Grant } from '../clients/credentials.ts';
import type { Exchange, Reply } from './exchange.ts';
import type { Failure } from './failure.ts';

/** What `/openapi.json` says of a route; the schemas are those that validate. */
export interface RouteDocumentation {
  readonly summary: string;
  readonly description?: string;
  readonly tag: string;
  /** Alternatives, by content type. */
  readonly requestBody?: Readonly<Record<string, z.ZodType>>;
  readonly query?: z.ZodObject;
  /** What the route's own handler answers, by status. Failures are told by `errors` and `failures`. */
  readonly responses: Readonly<Record<number, ResponseDocumentation>>;
  /** What `encodeFailure` writes. */
  readonly errors: z.ZodType;
  /** Where a failure's words depend on the request: every encoder that may be asked. Otherwise it is `encodeFailure` alone. */
  readonly encoders?: readonly ((failure: Failure) => Reply)[];
  /**
   * What else may go wrong here than what `access`, a body or a query bring with them, or what that means here. The examples are
   * what the encoders make of these.
   */
  readonly failures?: readonly DocumentedFailure[];
}

/** A failure that may happen, and what it means where its status alone doesn't say it. */
export type DocumentedFailure = Failure & { readonly description?: string };

/** What `/openapi.json` says of one status. */
export interface ResponseDocumentation {
  readonly description: string;
  /** Of the body; without one there is none. */
  readonly schema?: z.ZodType;
  readonly example?: unknown;
  /** `application/json` when absent. */
  readonly contentTypes?: readonly string[];
  /** Content types of files that a client may ask for instead. */
  readonly files?: readonly string[];
}

/** What every route has. */
interface AnyRoute {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** In find-my-way's syntax: `/api/external-event/:workspaceId`. */
  readonly path: string;
  readonly documentation: RouteDocumentation;
  /** The dialect's answer to a failure; the exchange tells two dialects apart where they share a route. */
  encodeFailure(failure: Failure, exchange?: Exchange): Reply;
  /**
   * Runs when the gate refuses a caller and before `encodeFailure`, for a route that must look at a little of the body to know
   * in whose words to refuse.
   */
  beforeRefusal?(exchange: Exchange): Promise<void>;
}

/** A route that everybody may call. */
export interface PublicRoute extends AnyRoute {
  readonly access: 'public';
  /** Answers the exchange. What it throws is encoded by `encodeFailure`. */
  handle(exchange: Exchange): void | Promise<void>;
}

/** A route that asks something of its callers. */
export interface GuardedRoute extends AnyRoute {
  /** Who may call: the server enforces it, and the table of permissions in the tests is made from it. */
  readonly access: AccessRule;
  /** Answers the exchange of a caller who meets the rule. What it throws is encoded by `encodeFailure`. */
  handle(exchange: Exchange, grant: Grant): void | Promise<void>;
}

/** One method of one path. */
export type Route = PublicRoute | GuardedRoute;

/** Where a dialect's clients put their credential. */
export type CredentialPlace =
  /** `X-API-Key: <secret>` */
  | 'apiKey'
  /** `Authorization: Bearer <secret>` */
  | 'bearer'
  /**
   * `?key=<secret>` with a `text/plain` body: `navigator.sendBeacon` can neither set headers nor another type without a
   * preflight. For routes that take events, and nothing else.
   */
  | 'beacon';

/** What a route asks of its callers. */
export interface AccessRule {
  /** Where a credential may stand; in two of them it must be the same one. */
  readonly places: readonly CredentialPlace[];
  /** The caller needs one of these; none asks for any good credential. */
  readonly anyOf: readonly string[];
  /** `person`: only the JWT of somebody who has signed in. */
  readonly caller?: 'person';
  /** Callers without a credential are let in as readers of the public workspace, where the operator has named one. */
  readonly anonymous?: 'public-workspace';
  /** The installation's limit that callers without one of their own are held to, or what tells it of a request. */
  readonly limit?:
    | 'workflow'
    | ((request: { header(name: string): string | undefined }) => 'workflow' | undefined);
}

/** Who may call a route: everybody, or who meets the rule. */
export type RouteAccess = 'public' | AccessRule;
