import { timestampMs } from '@bufbuild/protobuf/wkt';
import {
  AuthService,
  type RateLimit as RateLimitMessage,
  Refusal,
  type VerifyResponse,
} from '@millrace/contracts/millrace/auth/v1/auth';
import { type Clock, createGrpcClient, type GrpcClientOptions, MillraceError } from '@millrace/runtime';
import type { CredentialLookup, RateLimit, Verdict } from './credentials.ts';
import { gatherQuestions } from './gather-questions.ts';

const DEADLINE_MS = 2_000;
/** Secrets in a call. */
const MAX_BATCH = 256;
const MAX_CALLS_UNKNOWN = 3;
const MAX_CALLS_KNOWN = 2;

/**
 * Asks the auth service by gRPC, about many credentials in a call; a call ends after 2 s at most.
 * Credentials that were good before have calls of their own, so that a flood of unknown ones doesn't hold them up.
 */
export function createGrpcCredentialLookup(options: GrpcClientOptions & { clock: Clock }): {
  lookUp: CredentialLookup;
  close(): void;
} {
  const client = createGrpcClient(AuthService, options);
  const ask = async (secrets: readonly string[]): Promise<readonly VerifyResponse[]> => {
    try {
      const answer = await client.methods.verifyBatch({ secrets: [...secrets] }, { timeoutMs: DEADLINE_MS });
      return answer.verdicts;
    } catch (error) {
      throw unavailableWhenBusy(error);
    }
  };
  const { clock } = options;
  const askUnknown = gatherQuestions({ ask, maxBatch: MAX_BATCH, maxCalls: MAX_CALLS_UNKNOWN, clock });
  const askKnown = gatherQuestions({ ask, maxBatch: MAX_BATCH, maxCalls: MAX_CALLS_KNOWN, clock });
  return {
    lookUp: async (secret, standing) =>
      toVerdict(await (standing === 'known' ? askKnown(secret) : askUnknown(secret))),
    close: () => client.close(),
  };
}

/** `resource_exhausted` is for callers who are too many; auth being overloaded is none of their doing. */
function unavailableWhenBusy(error: unknown): unknown {
  return error instanceof MillraceError && error.code === 'resource_exhausted'
    ? new MillraceError('unavailable', 'auth is overloaded', { cause: error })
    : error;
}

function toVerdict(response: VerifyResponse): Verdict {
  if (response.refusal !== Refusal.UNSPECIFIED) return { kind: 'refused', refusal: response.refusal };
  if (response.credentialId === '' || response.workspaceId === '') {
    throw new MillraceError('internal', 'auth answered a verdict that names nobody');
  }
  return {
    kind: 'granted',
    credentialId: response.credentialId,
    workspaceId: response.workspaceId,
    userId: response.userId,
    permissions: new Set(response.permissions),
    credentialKind: response.kind,
    expiresAtMs: response.expiresAt ? timestampMs(response.expiresAt) : undefined,
    rateLimit: toRateLimit(response.rateLimit),
  };
}

function toRateLimit(message: RateLimitMessage | undefined): RateLimit | undefined {
  if (message === undefined || message.requestsPerMinute === 0) return undefined;
  const { requestsPerMinute, burst } = message;
  return { requestsPerMinute, burst: burst || Math.max(1, Math.ceil(requestsPerMinute / 6)) };
}
