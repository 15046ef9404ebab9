import { MillraceError } from '@millrace/runtime';
import { type Failure, type Issue, RequestFailure } from './failure.ts';

const RETRY_AFTER_SECONDS = 1;
const RETRY_AFTER_FULL_SECONDS = 5;

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
      return { kind: 'invalid', issues: issuesOf(thrown) };
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

function issuesOf({ message, details }: MillraceError): readonly [Issue, ...Issue[]] {
  const [first, ...others] = details.map(({ field, issue }) => custom([camelCase(field)], issue));
  return [first ?? custom([], message), ...others];
}

function custom(path: Issue['path'], message: string): Issue {
  return { code: 'custom', path, message };
}

/** Fields are in snake case in the contracts and in camel case in JSON. */
function camelCase(field: string): string {
  return field.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}
