import { RequestFailure } from '../../server/failure.ts';

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
export function pathOf(pointer: string): string[] {
  if (pointer === '') return [];
  const members = pointer.slice(1).split('/');
  return members.map((member) => excerpt(member.replaceAll('~1', '/').replaceAll('~0', '~')));
}

/** Text short enough for an answer. */
export function excerpt(text: string): string {
  return text.length <= MAX_QUOTED_CHARS ? text : `${text.slice(0, MAX_QUOTED_CHARS)}…`.toWellFormed();
}
