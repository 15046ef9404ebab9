import { MillraceError } from '@millrace/runtime';
import { type Failure, RequestFailure } from './failure.ts';

const RETRY_AFTER_SECONDS = 1;
const RETRY_AFTER_FULL_SECONDS = 5;
const FIELD_AND_ISSUE = /^([a-z][a-z0-9_.]*): (.+)$/s;

/** What anything thrown means to the client; what nobody has foreseen is `internal`. */
export function toFailure(thrown: unknown): Failure {
  if (thrown instanceof RequestFailure) return thrown.failure;
  if (!(thrown instanceof MillraceError)) return { kind: 'internal' };
  switch (thrown.code) {
    case 'resource_exhausted':
      return { kind: 'unavailable', retryAfterSeconds: RETRY_AFTER_FULL_SECONDS };
    case 'unavailable':
    case 'deadline_exceeded':
    case 'aborted':
    case 'canceled':
      return { kind: 'unavailable', retryAfterSeconds: RETRY_AFTER_SECONDS };
    case 'invalid_argument':
      return invalidArgument(thrown.message);
    case 'not_found':
      return { kind: 'not_found', message: thrown.message };
    case 'unauthenticated':
      return { kind: 'invalid_credential' };
    case 'permission_denied':
      return { kind: 'refused', message: thrown.message };
    case 'already_exists':
    case 'failed_precondition':
      return { kind: 'contradiction', message: thrown.message };
    default:
      return { kind: 'internal' };
  }
}

/** The services name the field first, as in `expires_at: must be in the future`. */
function invalidArgument(message: string): Failure {
  const [, field, issue] = FIELD_AND_ISSUE.exec(message) ?? [];
  if (field === undefined || issue === undefined) {
    return { kind: 'invalid', issues: [{ code: 'custom', path: [], message }] };
  }
  return { kind: 'invalid', issues: [{ code: 'custom', path: [camelCase(field)], message: issue }] };
}

/** Fields are in snake case in the contracts and in camel case in JSON. */
function camelCase(field: string): string {
  return field.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}
