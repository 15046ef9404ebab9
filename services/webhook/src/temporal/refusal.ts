import { status } from '@grpc/grpc-js';

/** Of what a server says of a request. */
const MAX_DETAILS_CHARS = 500;

const REASONS: Readonly<Record<number, string>> = {
  [status.NOT_FOUND]: 'namespace not found',
  [status.PERMISSION_DENIED]: 'permission denied',
  [status.UNAUTHENTICATED]: 'the Temporal server does not accept the credentials of this installation',
  [status.UNAVAILABLE]: 'the Temporal server can not be reached',
  [status.DEADLINE_EXCEEDED]: 'the Temporal server did not answer in time',
  [status.RESOURCE_EXHAUSTED]: 'the Temporal server is busy, or the event is too large for it',
};

/** Whether a call failed because there is such a workflow: an attempt before this one started it. */
export function isStarted(error: unknown): boolean {
  return codeOf(error) === status.ALREADY_EXISTS;
}

/** Why a call failed, always the same words for the same fault. Throws what is no answer of a server. */
export function refusalOf(error: unknown): string {
  const code = codeOf(error);
  if (code === undefined) throw error;
  const known = REASONS[code];
  if (known !== undefined) return known;
  const isOurs = code === status.INVALID_ARGUMENT || code === status.FAILED_PRECONDITION;
  // What it says of a request is for whoever made the trigger; what it says of itself isn't.
  return isOurs
    ? `the Temporal server refused the request: ${detailsOf(error)}`
    : `the Temporal server failed: ${status[code] ?? code}`;
}

function codeOf(error: unknown): number | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'number' ? error.code : undefined;
}

function detailsOf(error: unknown): string {
  const details = error instanceof Error && 'details' in error ? String(error.details) : '';
  return details.replace(/\p{Cc}+/gu, ' ').slice(0, MAX_DETAILS_CHARS);
}
