import { randomBytes, randomUUID } from 'node:crypto';
import { create } from '@bufbuild/protobuf';
import { CreateCredentialRequestSchema, CredentialKind } from '@millrace/contracts/millrace/auth/v1/auth';
import { createLogger, systemClock } from '@millrace/runtime';
import { connectNats } from '@millrace/stores';
import { eventually, httpCall, type TestStack } from '@millrace/testkit';
// The service's own use case writes the records, so that what is tested is what it will issue.
import { openAuthStore } from '../../../services/auth/src/auth-store.ts';
import { changeCredential } from '../../../services/auth/src/credentials/change-credential.ts';
import { createCreateCredential } from '../../../services/auth/src/credentials/create-credential.ts';
import { createSecretHasher } from '../../../services/auth/src/credentials/secret-hash.ts';

/** Which credential to issue. */
export interface CredentialWish {
  /** Default: an analytics key. */
  readonly kind?: CredentialKind;
  readonly permissions: readonly string[];
  /** Default: the stack's own workspace. */
  readonly workspaceId?: string;
  /** Milliseconds since 1970; default: the kind's own lifetime. */
  readonly expiresAtMs?: number;
}

/** Issues credentials of a running stack. */
export interface Issuer {
  issue(wish: CredentialWish): Promise<string>;
  /** Deactivates an issued credential. */
  revoke(secret: string): Promise<void>;
  /** Makes a workspace and returns its id. */
  createWorkspace(): Promise<string>;
  close(): Promise<void>;
}

/** Opens the key store of a running stack. */
export async function openIssuer(stack: TestStack): Promise<Issuer> {
  const log = createLogger({ service: 'test', level: 'silent' });
  const connection = await connectNats({ url: stack.connection.nats.url, name: 'test', log });
  const store = await openAuthStore({ connection, replicas: 1, clock: systemClock, log });
  const hasher = createSecretHasher(stack.secrets.keyPepper);
  const createCredential = createCreateCredential({ store, hasher, randomBytes, clock: systemClock });
  return {
    async issue({ kind = CredentialKind.ANALYTICS_KEY, permissions, workspaceId, expiresAtMs }) {
      const request = create(CreateCredentialRequestSchema, {
        workspaceId: workspaceId ?? stack.connection.workspaceId,
        kind,
        name: 'test',
        permissions: [...permissions],
        ...(expiresAtMs === undefined
          ? {}
          : {
              expiresAt: {
                seconds: BigInt(Math.floor(expiresAtMs / 1000)),
                nanos: (expiresAtMs % 1000) * 1e6,
              },
            }),
      });
      const { secret } = await createCredential(request);
      await untilKnown(stack, secret);
      return secret;
    },
    async revoke(secret) {
      await changeCredential(store.credentials, hasher.hash(secret).recordKey, (record) => ({
        ...record,
        active: false,
      }));
    },
    async createWorkspace() {
      const id = randomUUID();
      const workspace = { id, name: 'Another', createdAtMs: Date.now() };
      await store.workspaces.create(id, { ...workspace, members: [], invitations: [], rateLimit: null });
      return id;
    },
    async close() {
      await store.close();
      await connection.close();
    },
  };
}

/** Another process than the stack's own wrote the record, and the stack hears of it milliseconds later. */
async function untilKnown(stack: TestStack, secret: string): Promise<void> {
  await eventually(async () => {
    const headers = { authorization: `Bearer ${secret}` };
    const answer = await httpCall(`${stack.connection.url}/api/v1/events/stats`, { method: 'GET', headers });
    if (answer.status === 401) throw new Error('an issued credential is still unknown');
  });
}
