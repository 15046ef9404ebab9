import type { MessageInitShape } from '@bufbuild/protobuf';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import { SignInService, type UserSchema } from '@millrace/contracts/millrace/auth/v1/sign_in';
import { bindService, type GrpcServiceBinding } from '@millrace/runtime';
import type { SigningKeys } from '../sessions/signing-keys.ts';
import type { UserIndex } from '../store/user-index.ts';
import type { UserRecord } from '../store/user-record.ts';
import type { createCreateSession } from './create-session.ts';
import { type createEndSessions, userNotFound } from './end-sessions.ts';
import type { createRequestCode } from './request-code.ts';
import type { createVerifyCode } from './verify-code.ts';

/** `millrace.auth.v1.SignInService` over the use cases. */
export function createSignInService(options: {
  requestCode: ReturnType<typeof createRequestCode>;
  verifyCode: ReturnType<typeof createVerifyCode>;
  createSession: ReturnType<typeof createCreateSession>;
  endSessions: ReturnType<typeof createEndSessions>;
  users: UserIndex;
  keys: SigningKeys;
}): GrpcServiceBinding {
  return bindService(SignInService, {
    requestCode: options.requestCode,
    async verifyCode(request) {
      const { user, workspaceId, session } = await options.verifyCode(request);
      return {
        token: session.token,
        expiresAt: timestampFromMs(session.expiresAtMs),
        user: toUserMessage(user),
        workspaceId,
      };
    },
    async createSession(request) {
      const { token, expiresAtMs } = await options.createSession(request);
      return { token, expiresAt: timestampFromMs(expiresAtMs) };
    },
    async endSessions(request) {
      await options.endSessions(request);
      return {};
    },
    async getUser({ userId }) {
      const user = options.users.byId(userId);
      if (user === undefined) throw userNotFound();
      return { user: toUserMessage(user) };
    },
    getSigningKeys: async () => ({ jwksJson: options.keys.jwksJson() }),
  });
}

function toUserMessage(user: UserRecord): MessageInitShape<typeof UserSchema> {
  return { id: user.id, email: user.email, createdAt: timestampFromMs(user.createdAtMs) };
}
