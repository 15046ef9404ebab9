import { MillraceError } from '@millrace/runtime';
import type { Exchange, Reply } from '../../server/exchange.ts';
import type { AccessRule, Route } from '../../server/route.ts';
import type { Caller, WorkspaceApi } from './workspace-api.ts';

/** One route: what REST adds to the use case that it calls. */
export interface WorkspaceRoute extends Pick<Route, 'method' | 'path' | 'documentation'> {
  readonly access: AccessRule;
  answer(request: { exchange: Exchange; caller: Caller; api: WorkspaceApi }): Promise<Reply>;
}

/** The workspaces. */
export const COLLECTION = '/v1/workspaces';
/** One of them. */
export const ONE = `${COLLECTION}/:workspaceId`;

/** A rule for credentials in either header, with one of these permissions where any are named. */
export function accessFor(...anyOf: readonly string[]): AccessRule {
  return { places: ['apiKey', 'bearer'], anyOf };
}

/** The workspace that the path names. */
export function named(exchange: Exchange): { workspaceId: string } {
  return { workspaceId: exchange.params['workspaceId'] ?? '' };
}

/** The message that an answer carries: its type can't say that it is always there. */
export function present<T>(message: T | undefined): T {
  if (message !== undefined) return message;
  throw new MillraceError('internal', 'an answer came without its message');
}
