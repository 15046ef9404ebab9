import { Code, ConnectError, type HandlerContext, type ServiceImpl } from '@connectrpc/connect';
import type { DeadLetterService } from '@millrace/contracts/millrace/api/v1/dead_letter';
import { readEvent } from '@millrace/wire';
import {
  type DeadLetterDeps,
  discardLetter,
  findLetter,
  type LetterCaller,
  listLetters,
  requireReading,
} from '../management/dead-letters/dead-letter-api.ts';
import { replayLetter } from '../management/dead-letters/replay.ts';
import { toStoredEvent } from '../management/dead-letters/stored-event.ts';
import { RequestFailure } from '../server/failure.ts';
import { originOf } from './call-record.ts';
import { callerOf } from './gate.ts';

/** `millrace.api.v1.DeadLetterService`: what REST does, in the caller's workspace. */
export function createDeadLetterService(deps: DeadLetterDeps): ServiceImpl<typeof DeadLetterService> {
  return {
    listDeadLetters: (request, context) => listLetters(deps, letterCaller(context), request),
    async getDeadLetter({ id }, context) {
      const { deadLetter, event } = await findLetter(deps, letterCaller(context), id);
      const read = readEvent(Buffer.from(event));
      return { deadLetter, event: toStoredEvent(read), readable: read.isWhole };
    },
    async replayDeadLetter({ id }, context) {
      const { eventId, already } = await replayLetter(deps, changingCaller(context), id);
      return { eventId, alreadyReplayed: already };
    },
    async discardDeadLetter({ id }, context) {
      await discardLetter(deps, changingCaller(context), id);
      return {};
    },
  };
}

function letterCaller(context: HandlerContext): LetterCaller {
  const { requestId, clientAddress } = originOf(context);
  return { grant: callerOf(context), requestId, ipAddress: clientAddress(), signal: context.signal };
}

function changingCaller(context: HandlerContext): LetterCaller {
  const caller = letterCaller(context);
  try {
    requireReading(caller.grant);
  } catch (error) {
    if (!(error instanceof RequestFailure) || error.failure.kind !== 'forbidden') throw error;
    const message = `the credential lacks the permission ${error.failure.permission}`;
    throw new ConnectError(message, Code.PermissionDenied);
  }
  return caller;
}
