import type { ErrorObject } from 'ajv/dist/2020.js';
import { type Issue, RequestFailure } from '../../server/failure.ts';
import type { DialectName } from '../canonical-event.ts';

/** Where each dialect's requests have what is checked; an e-mail's payload is made of fields of the event itself. */
const PAYLOAD_PATHS: Readonly<Record<DialectName, readonly string[]>> = {
  workflow: ['payload'],
  analytics: ['payload'],
  email: [],
  'external-event': ['payload'],
  cloudevents: ['data'],
  chatbot: ['data'],
  native: ['payload'],
};

/** The issue of a payload that breaks a rule: its JSON pointer, what is wrong there, and the keyword. */
export function describeViolation(error: ErrorObject, payload: unknown, dialect: DialectName): Issue {
  const { pointer, words } = placeOf(error);
  // Ajv's name for a schema that is `false` has a space.
  const rule = error.keyword.split(' ', 1)[0] ?? '';
  const path = [...PAYLOAD_PATHS[dialect], ...indexed(pathOf(pointer), payload)];
  const where = pointer === '' ? 'the payload' : excerpt(pointer);
  return { code: rule, path, message: `${where} ${excerpt(words)} (${rule})` };
}

/** The issue of a payload that would take too long to check. */
export function tooCostly(dialect: DialectName): Issue {
  const message = 'the payload is too large to be checked by a schema as complex as that of its event';
  return { code: 'too_costly', path: PAYLOAD_PATHS[dialect], message };
}

/** The issue of a payload at which the check itself fails: what can't be checked can't pass. */
export function notCheckable(dialect: DialectName): Issue {
  const message = 'the payload can not be checked by the schema of its event';
  return { code: 'not_checkable', path: PAYLOAD_PATHS[dialect], message };
}

/** Rules about members speak of the object; a client looks for the member. */
function placeOf({ keyword, instancePath, params, message }: ErrorObject): {
  pointer: string;
  words: string;
} {
  const member = MEMBER_PARAMETERS.get(keyword);
  // What is there depends on the keyword, and Ajv's type says no more than that it is a record.
  const name: unknown = member === undefined ? undefined : params[member.parameter];
  if (member === undefined || typeof name !== 'string') {
    return {
      pointer: instancePath,
      words: keyword === 'false schema' ? 'is not allowed' : (message ?? 'is not valid'),
    };
  }
  return { pointer: pointerTo(instancePath, name), words: member.words };
}

const MEMBER_PARAMETERS: ReadonlyMap<string, { parameter: string; words: string }> = new Map([
  ['required', { parameter: 'missingProperty', words: 'is required' }],
  ['dependentRequired', { parameter: 'missingProperty', words: 'is required beside what is there' }],
  ['additionalProperties', { parameter: 'additionalProperty', words: 'is not allowed' }],
  ['unevaluatedProperties', { parameter: 'unevaluatedProperty', words: 'is not allowed' }],
  ['propertyNames', { parameter: 'propertyName', words: 'is not an allowed name' }],
]);

/** Places in lists are numbers, as in every other issue. */
function indexed(path: readonly string[], payload: unknown): (string | number)[] {
  let value = payload;
  return path.map((member) => {
    const isIndex = Array.isArray(value);
    value = typeof value === 'object' && value !== null ? Reflect.get(value, member) : undefined;
    return isIndex ? Number(member) : member;
  });
}

/** Characters of a schema's own words that an answer repeats. */
const MAX_QUOTED_CHARS = 300;

/** The failure of a schema that isn't taken, naming the JSON pointer of the place. */
export function refusedSchema(pointer: string, reason: string): RequestFailure {
  const path = ['schema', ...pathOf(pointer)];
  const where = pointer === '' ? 'the schema' : excerpt(pointer);
  return new RequestFailure({
    kind: 'invalid',
    issues: [{ code: 'schema', path, message: `${where} ${excerpt(reason)}` }],
  });
}

/** A JSON pointer (RFC 6901) to a member of what `pointer` points to. */
export function pointerTo(pointer: string, member: string | number): string {
  return `${pointer}/${String(member).replaceAll('~', '~0').replaceAll('/', '~1')}`;
}

/** The members that a JSON pointer names; long names are cut. */
function pathOf(pointer: string): string[] {
  if (pointer === '') return [];
  const members = pointer.slice(1).split('/');
  return members.map((member) => excerpt(member.replaceAll('~1', '/').replaceAll('~0', '~')));
}

/** Text short enough for an answer. */
function excerpt(text: string): string {
  return text.length <= MAX_QUOTED_CHARS ? text : `${text.slice(0, MAX_QUOTED_CHARS)}…`.toWellFormed();
}
