import type { z } from 'zod';
import type { RouteAccess } from './access.ts';
import type { Exchange } from './exchange.ts';
import type { Failure } from './failure.ts';
import type { Reply } from './reply.ts';

/** What `/openapi.json` says of a route; the schemas are those that validate. */
export interface RouteDocumentation {
  readonly summary: string;
  readonly description?: string;
  readonly tag: string;
  /** Alternatives, by content type. */
  readonly requestBody?: Readonly<Record<string, z.ZodType>>;
  readonly query?: z.ZodObject;
  /** Documented answers by status; the example is the documented body. */
  readonly responses: Readonly<Record<number, ResponseDocumentation>>;
}

/** What `/openapi.json` says of one status. */
export interface ResponseDocumentation {
  readonly description: string;
  readonly example?: unknown;
  /** `application/json` when absent. */
  readonly contentType?: string;
}

/** One method of one path. */
export interface Route {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** In find-my-way's syntax: `/api/external-event/:workspaceId`. */
  readonly path: string;
  /** Who may call. What the handler enforces, and what the table of permissions in the tests is made from. */
  readonly access: RouteAccess;
  readonly documentation: RouteDocumentation;
  /** Answers the exchange. What it throws is encoded by `encodeFailure`. */
  handle(exchange: Exchange): void | Promise<void>;
  /** The dialect's answer to a failure; the exchange tells two dialects apart where they share a route. */
  encodeFailure(failure: Failure, exchange?: Exchange): Reply;
}
