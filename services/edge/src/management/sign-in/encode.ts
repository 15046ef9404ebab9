import type { CreateCredentialResponse } from '@millrace/contracts/millrace/auth/v1/auth';
import type { User, VerifyCodeResponse } from '@millrace/contracts/millrace/auth/v1/sign_in';
import { isoTime, MillraceError } from '@millrace/runtime';
import { z } from 'zod';
import { errorDetails, issueDetails } from '../../dialects/analytics/encode.ts';
import { describeFailure, FAILURE_CODE, fieldOf } from '../../request/problem/describe-failure.ts';
import { codeIn, instant, jsonReply } from '../../request/response.ts';
import type { Reply } from '../../server/exchange.ts';
import type { Failure, Issue } from '../../server/failure.ts';

/** The only role that the document knows; what a user may do in a workspace is told by the workspace. */
const ROLE = 'USER';
/** Secrets and persons don't belong into the caches on the way. */
const NOT_CACHED = ['cache-control', 'no-store'];

const ERROR_CODES = {
  ...FAILURE_CODE,
  wrong_code: 'INVALID_CODE',
  key_failed: 'API_KEY_GENERATION_ERROR',
} as const;

/** The body of an error. */
export const signInError = z
  .strictObject({
    success: z.literal(false),
    error: z.strictObject({ code: codeIn(ERROR_CODES), message: z.string(), details: errorDetails }),
  })
  .meta({ id: 'SignInError' });

const success = <Shape extends z.core.$ZodLooseShape>(id: string, shape: Shape) =>
  z.strictObject({ success: z.literal(true), data: z.strictObject(shape) }).meta({ id });

/** A code is on its way. */
export const codeSent = success('CodeSent', { message: z.string() });

/** A session, and whose it is. */
export const session = success('Session', {
  token: z.string(),
  user: z.strictObject({ id: z.string(), email: z.string(), role: z.literal(ROLE) }),
  expiresAt: instant().nullable(),
  workspaceId: z.string(),
});

/** A new key. */
export const generatedKey = success('GeneratedKey', {
  apiKey: z.string(),
  message: z.literal('API key generated successfully'),
  id: z.string(),
});

/** A user. */
export const currentUser = success('CurrentUser', {
  id: z.string(),
  email: z.string(),
  role: z.literal(ROLE),
  createdAt: instant().nullable(),
});

/** The answer to a request for a code, whether or not the address is known. */
export function encodeCodeSent(email: string): Reply {
  const data = { message: `Verification code sent to ${email}` };
  return jsonReply(codeSent, 200, { success: true, data }, NOT_CACHED);
}

/** The answer to a good code: the session. */
export function encodeSession({ token, user, expiresAt, workspaceId }: VerifyCodeResponse): Reply {
  const { id, email } = present(user);
  const shown = { id, email, role: ROLE } as const;
  const data = { token, user: shown, expiresAt: isoTime(expiresAt), workspaceId };
  return jsonReply(session, 200, { success: true, data }, NOT_CACHED);
}

/** The answer that shows a new key, once. */
export function encodeKey({ credential, secret }: CreateCredentialResponse): Reply {
  const { id } = present(credential);
  const data = { apiKey: secret, message: 'API key generated successfully', id } as const;
  return jsonReply(generatedKey, 200, { success: true, data }, NOT_CACHED);
}

/** Who is signed in. */
export function encodeUser(user: User | undefined): Reply {
  const { id, email, createdAt } = present(user);
  const data = { id, email, role: ROLE, createdAt: isoTime(createdAt) } as const;
  return jsonReply(currentUser, 200, { success: true, data }, NOT_CACHED);
}

/** The answer to a sign-out. */
export const SIGNED_OUT: Reply = { status: 204, body: '' };

/** A failure as `{"success":false,"error":{"code","message","details"?}}`. */
export function encodeSignInFailure(failure: Failure): Reply {
  return failed(meaning(failure), {});
}

/** As `encodeSignInFailure`, where the credential is a code. */
export function encodeCodeFailure(failure: Failure): Reply {
  return failed(failure, {
    invalid_credential: {
      code: 'INVALID_CODE',
      message: 'The code is not the one that was sent, or expired',
    },
  });
}

/** As `encodeSignInFailure`, where a key is made. */
export function encodeKeyFailure(failure: Failure): Reply {
  return failed(meaning(failure), {
    internal: { code: 'API_KEY_GENERATION_ERROR', message: 'Failed to generate API key' },
  });
}

/** The only things that these routes look up are the session's own user and workspace: without them it is none. */
function meaning(failure: Failure): Failure {
  return failure.kind === 'not_found' ? { kind: 'invalid_credential' } : failure;
}

function failed(
  failure: Failure,
  documented: Partial<Record<Failure['kind'], z.output<typeof signInError>['error']>>,
): Reply {
  const { status, detail, headers } = describeFailure(failure);
  const code = FAILURE_CODE[failure.kind];
  const error = documented[failure.kind] ?? { code, message: messageOf(failure) ?? detail };
  const body = { success: false, error: { ...error, ...issueDetails(failure) } } as const;
  return jsonReply(signInError, status, body, headers);
}

function messageOf(failure: Failure): string | undefined {
  switch (failure.kind) {
    case 'invalid':
      return describe(failure.issues[0]);
    case 'missing_credential':
      return 'The Authorization header with a JWT is missing';
    case 'invalid_credential':
      return 'The JWT is invalid or expired';
    default:
      return undefined;
  }
}

/** An issue in words that name the field, as some do by themselves. */
function describe({ path, message }: Issue): string {
  const field = fieldOf(path);
  if (message === 'Required') return `${field} is required`;
  return message.includes(field) ? message : `${field}: ${message}`;
}

function present<T>(message: T | undefined): T {
  if (message === undefined) throw new MillraceError('internal', 'an answer of auth lacks its subject');
  return message;
}
