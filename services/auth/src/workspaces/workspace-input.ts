import type { Role } from '@millrace/contracts/millrace/auth/v1/workspace';
import { fieldError } from '@millrace/runtime';
import { fromRoleMessage, type RoleName } from '../store/role.ts';

const LONGEST_NAME = 128;
// The name comes into mails and pages, where a line of its own would pass for somebody else's words.
const CONTROL_CHARACTER = /[\p{Cc}\p{Zl}\p{Zp}]/u;

/** A workspace's name, 1 to 128 characters of one line; otherwise `invalid_argument`. */
export function checkedWorkspaceName(name: string): string {
  if (name.trim() === '') throw fieldError('name', 'must not be empty');
  if (name.length > LONGEST_NAME) {
    throw fieldError('name', `at most ${LONGEST_NAME} characters`);
  }
  if (CONTROL_CHARACTER.test(name)) {
    throw fieldError('name', 'must not contain control characters');
  }
  return name;
}

/** A role that a request has to name; otherwise `invalid_argument`. */
export function checkedRole(message: Role): RoleName {
  const role = fromRoleMessage(message);
  if (role === undefined) {
    throw fieldError('role', 'must be owner, admin, member or viewer');
  }
  return role;
}
