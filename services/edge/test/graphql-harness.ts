import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import { CredentialKind, Refusal } from '@millrace/contracts/millrace/auth/v1/auth';
import type { CredentialVerifier } from '../src/clients/credentials.ts';
import { graphqlApi } from '../src/management/graphql/routes.ts';
import { authDouble, benchDialect, NOW_MS, WORKSPACE_ID } from './dialect-harness.ts';

/** Who the bench knows, by what they present. */
export const SESSIONS = {
  member: { userId: 'user-member', permissions: ['events:write'] },
  admin: { userId: 'user-admin', permissions: ['events:write', 'api-keys:manage'] },
  viewer: { userId: 'user-viewer', permissions: ['events:read'] },
} as const;

/** A key with every permission, which is not a person. */
export const KEY = 'evp_everything';

/** A token of the member's, as auth tells it. */
export const STORED_TOKEN = {
  id: '01890000-0000-7000-8000-000000000001',
  workspaceId: WORKSPACE_ID,
  userId: SESSIONS.member.userId,
  kind: CredentialKind.EXTERNAL_EVENT_TOKEN,
  name: 'crm',
  active: true,
  prefix: 'a1a1a1a1',
  lastFour: 'a1a1',
  createdAt: timestampFromMs(NOW_MS - 1_000),
  expiresAt: timestampFromMs(NOW_MS + 1_000),
};

/** How a test asks. */
export interface Ask {
  /** Default: the member; empty for nobody. */
  readonly as?: string;
  readonly variables?: unknown;
  readonly operationName?: string;
  readonly accept?: string;
}

/** What came back. */
export interface GraphqlAnswer {
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: a test reads what it expects and fails on anything else.
  readonly body: any;
  readonly text: string;
  readonly headers: readonly string[];
}

/** `/graphql` with sessions and doubles of auth's credentials behind it. */
export function benchGraphql(
  options: {
    credentials?: NonNullable<Parameters<typeof authDouble>[0]>['credentials'];
    development?: boolean;
  } = {},
) {
  const bench = benchDialect(graphqlApi, {
    credentials: verifier,
    auth: authDouble(options.credentials ? { credentials: options.credentials } : {}),
    settings: { emailCompatAlways200: false, graphqlIntrospection: options.development === true },
  });

  /** Sends a body with these headers, as the member unless they say otherwise. */
  async function send(body: unknown, headers: Readonly<Record<string, string>> = {}): Promise<GraphqlAnswer> {
    const answer = await bench.send('POST', '/graphql', {
      headers: { 'content-type': 'application/json', authorization: 'Bearer member', ...headers },
      body,
    });
    const { body: text, headers: replied = [] } = answer.reply;
    return { status: answer.status, body: answer.body, text, headers: replied };
  }

  return {
    send,
    /** Sends a document. */
    ask(query: string, { as = 'member', accept, ...rest }: Ask = {}): Promise<GraphqlAnswer> {
      return send({ query, ...rest }, { authorization: `Bearer ${as}`, ...(accept ? { accept } : {}) });
    },
  };
}

const verifier: CredentialVerifier = {
  verify(secret) {
    const session = Object.hasOwn(SESSIONS, secret) ? SESSIONS[secret as keyof typeof SESSIONS] : undefined;
    if (session === undefined && secret !== KEY) return { kind: 'refused', refusal: Refusal.UNKNOWN };
    return {
      kind: 'granted',
      credentialId: `jti-${secret}`,
      workspaceId: WORKSPACE_ID,
      userId: session?.userId ?? '',
      permissions: new Set(session?.permissions ?? ['*']),
      credentialKind: session ? CredentialKind.SESSION : CredentialKind.ANALYTICS_KEY,
      expiresAtMs: undefined,
      rateLimit: undefined,
    };
  },
};
