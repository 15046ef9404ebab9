import { BODY_LIMIT_BYTES } from '../../request/api.ts';
import type { Failure } from '../../server/failure.ts';
import { isAddressLimited } from '../../server/limits/limit-request.ts';
import type { DocumentedFailure, Route } from '../../server/route.ts';

type Kind = Failure['kind'];

/**
 * What may go wrong on a route, from what it declares: the gate, the limits and the reader of bodies refuse in the same way
 * wherever they are asked; what the route adds or knows better comes from its documentation.
 */
export function possibleFailures(route: Route): DocumentedFailure[] {
  const { failures: own = [] } = route.documentation;
  const known = new Set<Kind>(own.map(({ kind }) => kind));
  const derived = [...derivedKinds(route)].filter((kind) => !known.has(kind));
  return [...derived.map((kind) => SAMPLES[kind]), ...own];
}

function derivedKinds({ access, path, documentation }: Route): Set<Kind> {
  const kinds = new Set<Kind>();
  const add = (...more: readonly Kind[]) => {
    for (const kind of more) kinds.add(kind);
  };
  if (access !== 'public') {
    // Whoever asks for a credential asks the auth service, and holds each caller to a limit.
    add('missing_credential', 'invalid_credential', 'rate_limited', 'unavailable', 'internal');
    if (access.anyOf.length > 0) add('forbidden');
  }
  if (documentation.requestBody !== undefined) {
    add('malformed_json', 'invalid', 'request_timeout', 'too_large', 'unsupported_media_type');
    // All bodies share one budget of memory.
    add('unavailable', 'internal');
  }
  if (documentation.query !== undefined) add('invalid');
  if (isAddressLimited(path)) add('rate_limited');
  return kinds;
}

const SAMPLES: { readonly [Name in Kind]: Extract<Failure, { kind: Name }> } = {
  invalid: {
    kind: 'invalid',
    issues: [
      {
        code: 'invalid_type',
        extra: { expected: 'string', received: 'undefined' },
        path: ['name'],
        message: 'Required',
      },
    ],
  },
  malformed_json: { kind: 'malformed_json', message: 'The request body is not JSON: it is empty' },
  missing_credential: { kind: 'missing_credential' },
  invalid_credential: { kind: 'invalid_credential' },
  forbidden: { kind: 'forbidden', permission: 'events:write' },
  refused: { kind: 'refused', message: 'the caller may not do this' },
  contradiction: { kind: 'contradiction', message: 'this contradicts what is there' },
  conflict: { kind: 'conflict', eventId: 'evt_1' },
  not_found: { kind: 'not_found' },
  method_not_allowed: { kind: 'method_not_allowed', allowed: ['GET'] },
  request_timeout: { kind: 'request_timeout' },
  too_large: { kind: 'too_large', limitBytes: BODY_LIMIT_BYTES },
  unsupported_media_type: {
    kind: 'unsupported_media_type',
    message: 'Content-Type must be application/json',
  },
  rate_limited: { kind: 'rate_limited', retryAfterSeconds: 3 },
  unavailable: { kind: 'unavailable', retryAfterSeconds: 1 },
  internal: { kind: 'internal' },
};
