import type { HandlerContext, ServiceImpl } from '@connectrpc/connect';
import type { DeadLetterService } from '@millrace/contracts/millrace/api/v1/dead_letter';
import { readEvent } from '@millrace/wire';
import {
  type DeadLetterDeps,
  discardLetter,
  discardLetters,
  editLetter,
  findLetter,
  type LetterCaller,
  listLetters,
  requireReading,
  type WholeLetter,
} from '../management/dead-letters/dead-letter-api.ts';
import { toReplays } from '../management/dead-letters/encode.ts';
import { replayLetter, replayLetters } from '../management/dead-letters/replay.ts';
import { toStoredEvent } from '../management/dead-letters/stored-event.ts';
import { originOf } from './call-record.ts';
import { toEdit } from './dead-letter-edit.ts';
import { callerOf } from './gate.ts';

/** `millrace.api.v1.DeadLetterService`: what REST does, in the caller's workspace. */
export function createDeadLetterService(deps: DeadLetterDeps): ServiceImpl<typeof DeadLetterService> {
  return {
    listDeadLetters: (request, context) => listLetters(deps, letterCaller(context), request),
    async getDeadLetter({ id }, context) {
      return toMessage(await findLetter(deps, letterCaller(context), id));
    },
    async editDeadLetter(request, context) {
      const caller = changingCaller(context);
      return toMessage(await editLetter(deps, caller, { id: request.id, edit: toEdit(request) }));
    },
    async replayDeadLetter({ id }, context) {
      const { eventId, already } = await replayLetter(deps, changingCaller(context), id);
      return { eventId, alreadyReplayed: already };
    },
    async discardDeadLetter({ id }, context) {
      await discardLetter(deps, changingCaller(context), id);
      return {};
    },
    async replayDeadLetters(selection, context) {
      const { outcomes, nextPageToken } = await replayLetters(deps, changingCaller(context), selection);
      const { replayed, failed } = toReplays(outcomes);
      return { replayed, failed: failed.map(({ id, ...error }) => ({ id, error })), nextPageToken };
    },
    discardDeadLetters: (selection, context) => discardLetters(deps, changingCaller(context), selection),
  };
}

function toMessage({ deadLetter, event }: WholeLetter) {
  const read = readEvent(Buffer.from(event));
  return { deadLetter, event: toStoredEvent(read), readable: read.isWhole };
}

function letterCaller(context: HandlerContext): LetterCaller {
  const { requestId, clientAddress } = originOf(context);
  return { grant: callerOf(context), requestId, ipAddress: clientAddress(), signal: context.signal };
}

function changingCaller(context: HandlerContext): LetterCaller {
  const caller = letterCaller(context);
  requireReading(caller.grant);
  return caller;
}
