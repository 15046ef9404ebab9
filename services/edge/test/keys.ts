import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import { CredentialKind, CredentialSchema } from '@millrace/contracts/millrace/auth/v1/auth';
import { keysApi } from '../src/management/keys/routes.ts';
import { authDouble, benchDialect, WORKSPACE_ID } from './dialect-harness.ts';
import { granting, session } from './granting.ts';

/** The id of the key that auth's double has. */
export const KEY_ID = '01890000-0000-7000-8000-000000000001';

type Handlers = NonNullable<NonNullable<Parameters<typeof authDouble>[0]>['credentials']>;

const credentials = granting({
  sk_manager: { permissions: new Set(['api-keys:manage', 'messages:send']) },
  'jwt.admin': session('api-keys:manage'),
  sk_other: { permissions: new Set(['events:write', 'messages:send']) },
});

/** Sends a request to the dialect, with only the given handlers of auth behind it. */
export function send(
  handlers: Handlers,
  method: string,
  path: string,
  request: {
    headers?: Readonly<Record<string, string>>;
    body?: unknown;
    search?: string;
    id?: string;
  } = {},
) {
  const { headers = { 'x-api-key': 'sk_manager' }, body, search = '', id = KEY_ID } = request;
  const bench = benchDialect(keysApi, { credentials, auth: authDouble({ credentials: handlers }) });
  return bench.send(method, path, { headers, body, search, params: { id } });
}

/** A key as auth tells of it. */
export function stored(changes: MessageInitShape<typeof CredentialSchema> = {}) {
  return create(CredentialSchema, {
    id: KEY_ID,
    workspaceId: WORKSPACE_ID,
    kind: CredentialKind.SECRET_KEY,
    name: 'Production API Key',
    permissions: ['messages:send', 'conversations:read'],
    active: true,
    prefix: 'sk_lV4gX',
    lastFour: 'crvZ',
    createdAt: timestampFromMs(Date.UTC(2024, 0, 1)),
    ...changes,
  });
}

/** The same key as clients see it. */
export const SHOWN = {
  id: KEY_ID,
  name: 'Production API Key',
  permissions: ['messages:send', 'conversations:read'],
  isActive: true,
  createdAt: '2024-01-01T00:00:00.000Z',
  lastUsedAt: null,
  expiresAt: null,
  kind: 'secret_key',
  prefix: 'sk_lV4gX',
  lastFour: 'crvZ',
  rateLimit: null,
};
