import { MillraceError } from '@millrace/runtime';
import { RequestFailure, toFailure } from '../../server/failure.ts';

/** What the query calls the fields of the service's request. */
const PARAMETERS: Readonly<Record<string, string>> = {
  pageSize: 'limit',
  pageToken: 'cursor',
  actorUserId: 'actor',
  targetId: 'target',
};

/** Waits for the service; where it refuses a field, throws RequestFailure `invalid` that names the parameter instead. */
export async function naming<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    throw error instanceof MillraceError && error.code === 'invalid_argument' ? renamed(error) : error;
  }
}

function renamed(error: MillraceError): Error {
  const failure = toFailure(error);
  if (failure.kind !== 'invalid') return error;
  const [{ path, ...issue }] = failure.issues;
  const [field] = path;
  const parameter = typeof field === 'string' ? PARAMETERS[field] : undefined;
  if (parameter === undefined) return error;
  return new RequestFailure({ kind: 'invalid', issues: [{ ...issue, path: [parameter] }] });
}
