import { timestampMs } from '@bufbuild/protobuf/wkt';
import {
  AuthService,
  type RateLimit as RateLimitMessage,
  Refusal,
  type VerifyResponse,
} from '@millrace/contracts/millrace/auth/v1/auth';
import { type Clock, createGrpcClient, type GrpcClientOptions, MillraceError } from '@millrace/runtime';
import type { CredentialLookup, RateLimit, Verdict } from './credentials.ts';

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

/** Longest that a question waits for a call, in milliseconds. */
const MAX_WAIT_MS = 2_000;

interface Waiting<Question, Answer> {
  readonly question: Question;
  readonly sinceMs: number;
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Asks many questions in few calls: those of the same turn of the event loop go together, and so do those that come
 * while as many calls are under way as may be. A call that fails fails its questions; one that waits 2 s fails alone.
 */
export function gatherQuestions<Question, Answer>(options: {
  /** Answers each question, in order. */
  ask: (questions: readonly Question[]) => Promise<readonly Answer[]>;
  /** Questions in a call. */
  maxBatch: number;
  maxCalls: number;
  clock: Clock;
}): (question: Question) => Promise<Answer> {
  const { ask, maxBatch, maxCalls, clock } = options;
  const waiting: Waiting<Question, Answer>[] = [];
  let callsUnderWay = 0;
  let willSend = false;

  const call = async (batch: readonly Waiting<Question, Answer>[]): Promise<void> => {
    callsUnderWay++;
    try {
      const answers = await ask(batch.map(({ question }) => question));
      for (const [i, one] of batch.entries()) {
        const answer = answers[i];
        if (answer === undefined) one.reject(new MillraceError('internal', 'a question was left unanswered'));
        else one.resolve(answer);
      }
    } catch (error) {
      for (const one of batch) one.reject(error);
    }
    callsUnderWay--;
    if (waiting.length > 0) sendSoon();
  };
  const send = (): void => {
    willSend = false;
    const oldestMs = clock.monotonic() - MAX_WAIT_MS;
    const fresh = waiting.findIndex(({ sinceMs }) => sinceMs > oldestMs);
    for (const late of waiting.splice(0, fresh === -1 ? waiting.length : fresh)) {
      late.reject(new MillraceError('deadline_exceeded', 'nobody could be asked in time'));
    }
    while (callsUnderWay < maxCalls && waiting.length > 0) void call(waiting.splice(0, maxBatch));
  };
  const sendSoon = (): void => {
    if (willSend || callsUnderWay >= maxCalls) return;
    willSend = true;
    setImmediate(send);
  };

  return (question) =>
    new Promise((resolve, reject) => {
      waiting.push({ question, sinceMs: clock.monotonic(), resolve, reject });
      sendSoon();
    });
}
