import { create } from '@bufbuild/protobuf';
import { type Endpoint, GetEndpointRequestSchema } from '@millrace/contracts/millrace/api/v1/webhook';
import { MillraceError } from '@millrace/runtime';
import { invalid } from '../../request/issues.ts';
import type { Exchange, Reply } from '../../server/exchange.ts';
import { type Issue, RequestFailure } from '../../server/failure.ts';
import type { AccessRule, GuardedRoute, Route } from '../../server/route.ts';
import { actorOf } from '../actor.ts';
import { restPath } from '../query/rest-path.ts';
import {
  createWebhookApi,
  NO_ENDPOINT,
  type WebhookApi,
  type WebhookCaller,
  type WebhookDeps,
} from './webhook-api.ts';

/** Who may look after endpoints. */
const ACCESS: AccessRule = { places: ['apiKey', 'bearer'], anyOf: ['webhooks:manage'] };

/** What a route is asked with. */
export interface WebhookRequest {
  readonly exchange: Exchange;
  readonly caller: WebhookCaller;
  readonly api: WebhookApi;
}

/** One route: what REST adds to the use case that it calls. */
export interface WebhookRoute extends Pick<Route, 'method' | 'path' | 'documentation'> {
  answer(request: WebhookRequest): Promise<Reply>;
}

/** How an API words what is wrong. */
export interface Wording {
  /** Where in a body or query the contract's field stands, by the first parts of its path. */
  readonly places: readonly (readonly [contract: string, json: readonly string[]])[];
  readonly encodeFailure: Route['encodeFailure'];
}

/** Routes over the use cases, in an API's words. */
export function webhookRoutes(
  deps: WebhookDeps,
  routes: readonly WebhookRoute[],
  { places, encodeFailure }: Wording,
): GuardedRoute[] {
  const api = createWebhookApi(deps);
  return routes.map(({ answer, ...route }) => ({
    ...route,
    access: ACCESS,
    async handle(exchange, grant) {
      const caller = { grant, actor: actorOf(exchange, grant), signal: exchange.signal };
      try {
        exchange.reply(await answer({ exchange, caller, api }));
      } catch (error) {
        throw inWords(error, places);
      }
    },
    encodeFailure,
  }));
}

/** The id in the path. */
export function idOf({ params }: Exchange): string {
  return params['id'] ?? '';
}

/** The message that an answer carries: its type can't say that it is always there. */
export function present<T>(message: T | undefined): T {
  if (message !== undefined) return message;
  throw new MillraceError('internal', 'an answer came without its message');
}

/** The endpoint in the path. Throws `not_found` for one that isn't called by HTTP, too. */
export async function requireWebhook({ exchange, caller, api }: WebhookRequest): Promise<Endpoint> {
  const request = create(GetEndpointRequestSchema, { id: idOf(exchange) });
  const { endpoint } = await api.getEndpoint(request, caller);
  if (present(endpoint).target.case !== 'http') throw new MillraceError('not_found', NO_ENDPOINT);
  return present(endpoint);
}

/** Waits for something of which a workspace may have so many: it is for the caller to end one, and coming again doesn't help. */
export async function whereRoom<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    if (!(error instanceof MillraceError) || error.code !== 'resource_exhausted') throw error;
    throw new RequestFailure({ kind: 'contradiction', message: error.message });
  }
}

/** Where pages and creations name what JSON calls otherwise. */
const COMMON: Wording['places'] = [
  ['pageSize', ['limit']],
  ['pageToken', ['cursor']],
  ['active', ['isActive']],
  ['retryPolicy.custom', ['retryPolicy']],
];

function inWords(error: unknown, places: Wording['places']): unknown {
  if (!(error instanceof MillraceError)) return error;
  if (error.code !== 'invalid_argument' || error.details.length === 0) return error;
  return invalid(
    error.details.map(({ field, issue }): Issue => {
      return { code: 'custom', path: placeOf(field, [...places, ...COMMON]), message: issue };
    }),
  );
}

/** A header's name stays as it is: it may have dots. */
const HEADER = /^(?:endpoint\.)?http\.headers\.(.+)$/s;

/** `endpoint.http.headers` is `headers` in one API and `target.headers` in the other. */
function placeOf(field: string, places: Wording['places']): (string | number)[] {
  const [, header] = HEADER.exec(field) ?? [];
  const path = header === undefined ? restPath(field) : ['http', 'headers', header];
  if (path[0] === 'endpoint') path.shift();
  for (const [contract, json] of places) {
    const parts = contract.split('.');
    if (parts.every((part, i) => path[i] === part)) return [...json, ...path.slice(parts.length)];
  }
  return path;
}
