import type { MessageInitShape } from '@bufbuild/protobuf';
import { timestampFromMs, timestampMs } from '@bufbuild/protobuf/wkt';
import {
  type Credential,
  CredentialKind,
  type ListCredentialsRequestSchema,
} from '@millrace/contracts/millrace/auth/v1/auth';
import { type Clock, MillraceError } from '@millrace/runtime';
import { AUTH_CALL, type AuthGateway } from '../../clients/auth.ts';
import { type Grant, hasPermission } from '../../clients/credentials.ts';
import type { Exchange } from '../../server/exchange.ts';
import { actorOf } from '../actor.ts';
import { mayBeCredentialId } from '../keys/routes.ts';

/** Who asks, and through which request. */
export interface TokenCaller {
  readonly exchange: Exchange;
  readonly grant: Grant;
}

/** A token as it may be shown. Times are in milliseconds since 1970-01-01 UTC, null for never. */
export interface TokenView {
  readonly id: string;
  readonly name: string;
  readonly prefix: string;
  readonly lastFour: string;
  readonly createdAt: number | null;
  readonly expiresAt: number | null;
  readonly lastUsedAt: number | null;
  /** Whether it works now. */
  readonly isActive: boolean;
}

/** A new token; the secret is in this answer only. */
export interface NewToken extends TokenView {
  readonly token: string;
}

/** What may be said of a new token. */
export interface TokenWish {
  readonly name?: string | null;
  /** Milliseconds since 1970-01-01 UTC; a year from now when absent. */
  readonly expiresAt?: number | null;
}

const DEFAULT_NAME = 'External event token';
const TOKEN_PERMISSIONS = ['events:write'];
/** Lets its holder see and revoke everybody's tokens in the workspace. */
const MANAGE = 'api-keys:manage';
const PAGE_SIZE = 200;
/** Tokens that a list has at most: the newest. */
const MAX_LISTED = 1_000;

/** The tokens of external events as their owners see them. Methods throw MillraceError. */
export function createTokens({ auth, clock }: { auth: AuthGateway; clock: Clock }) {
  const { credentials } = auth;
  const view = (credential: Credential): TokenView => toView(credential, clock.now());

  return {
    /** Issues a token for the caller's workspace; `invalid_argument` for an empty name or a time that has passed. */
    async create({ exchange, grant }: TokenCaller, { name, expiresAt }: TokenWish): Promise<NewToken> {
      const { credential, secret } = await credentials.createCredential(
        {
          workspaceId: grant.workspaceId,
          userId: grant.userId,
          kind: CredentialKind.EXTERNAL_EVENT_TOKEN,
          name: name ?? DEFAULT_NAME,
          permissions: TOKEN_PERMISSIONS,
          ...(expiresAt == null ? {} : { expiresAt: timestampFromMs(expiresAt) }),
          actor: actorOf(exchange, grant),
        },
        AUTH_CALL,
      );
      if (credential === undefined) throw new MillraceError('internal', 'auth answered without a credential');
      return { ...view(credential), token: secret };
    },

    /** The caller's own tokens, newest first, or the workspace's if they may manage them. */
    async list({ grant }: TokenCaller): Promise<TokenView[]> {
      const request: MessageInitShape<typeof ListCredentialsRequestSchema> = {
        workspaceId: grant.workspaceId,
        userId: hasPermission(grant, MANAGE) ? '' : grant.userId,
        kind: CredentialKind.EXTERNAL_EVENT_TOKEN,
        pageSize: PAGE_SIZE,
      };
      const found: TokenView[] = [];
      let pageToken = '';
      do {
        const page = await credentials.listCredentials({ ...request, pageToken }, AUTH_CALL);
        found.push(...page.credentials.map(view));
        pageToken = page.nextPageToken;
      } while (pageToken !== '' && found.length < MAX_LISTED);
      return found;
    },

    /** Deactivates a token, which stays listed. `not_found` for one that the caller may not see or that isn't there. */
    async revoke({ exchange, grant }: TokenCaller, id: string): Promise<void> {
      if (!mayBeCredentialId(id)) throw notFound();
      const { workspaceId } = grant;
      const { credential } = await credentials.getCredential({ workspaceId, id }, AUTH_CALL);
      const isToken = credential?.kind === CredentialKind.EXTERNAL_EVENT_TOKEN;
      const isVisible = isToken && (credential.userId === grant.userId || hasPermission(grant, MANAGE));
      if (!isVisible) throw notFound();
      const actor = actorOf(exchange, grant);
      await credentials.updateCredential({ workspaceId, id, active: false, actor }, AUTH_CALL);
    },
  };
}

function notFound(): MillraceError {
  return new MillraceError('not_found', 'no such token');
}

function toView(credential: Credential, nowMs: number): TokenView {
  const { id, name, prefix, lastFour, active } = credential;
  const expiresAt = credential.expiresAt ? timestampMs(credential.expiresAt) : null;
  return {
    id,
    name,
    prefix,
    lastFour,
    createdAt: credential.createdAt ? timestampMs(credential.createdAt) : null,
    expiresAt,
    lastUsedAt: credential.lastUsedAt ? timestampMs(credential.lastUsedAt) : null,
    isActive: active && (expiresAt === null || expiresAt > nowMs),
  };
}
