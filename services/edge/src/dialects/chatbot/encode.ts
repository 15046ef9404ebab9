import { STATUS_CODES } from 'node:http';
import { z } from 'zod';
import { describeFailure, FAILURE_CODE, fieldOf } from '../../request/problem/describe-failure.ts';
import { codeIn, jsonReply } from '../../request/response.ts';
import type { Reply } from '../../server/exchange.ts';
import type { Failure, Issue } from '../../server/failure.ts';

/** Issues that an answer lists. */
const MAX_MESSAGES = 20;
/** The names here of what auth's messages call otherwise. */
const FIELDS = new Map([['pageToken', 'cursor']]);

/** The body of an error of the chatbot API: of its keys, and of its webhooks. */
export const chatbotError = z
  .strictObject({
    statusCode: z.int(),
    message: z.union([z.string(), z.array(z.string()).min(1)]),
    error: z.string(),
    code: codeIn(FAILURE_CODE),
  })
  .meta({ id: 'ChatbotError' });

/** A failure as `{statusCode, message, error, code}`; the message of an invalid body is a list. */
export function encodeChatbotFailure(failure: Failure): Reply {
  const { status, detail, headers } = describeFailure(failure);
  const message = failure.kind === 'invalid' ? failure.issues.slice(0, MAX_MESSAGES).map(describe) : detail;
  const error = STATUS_CODES[status] ?? 'Error';
  const code = FAILURE_CODE[failure.kind];
  return jsonReply(chatbotError, status, { statusCode: status, message, error, code }, headers);
}

function describe({ path, message }: Issue): string {
  const named = fieldOf(path);
  const field = FIELDS.get(named) ?? named;
  if (field === '') return message;
  return message === 'Required' ? `${field} is required` : `${field}: ${message}`;
}
