import type { RouteDocumentation } from '../../server/route.ts';
import { PROBLEM_TYPE } from './encode-problem.ts';

type Status = 400 | 401 | 403 | 404 | 409 | 413 | 415 | 429 | 503;

const DESCRIPTIONS: Readonly<Record<Status, string>> = {
  400: 'The request is not valid; the problem names each field',
  401: 'No credential, an unknown one, or not the kind that is asked for',
  403: 'The credential may not do this',
  404: 'There is no such thing in the workspace of the credential',
  409: 'It contradicts what is there',
  413: 'The body is too large',
  415: 'The body is not JSON in UTF-8',
  429: 'Too many requests; see `Retry-After`',
  503: 'Not available now; see `Retry-After`',
};

/** What the document says of a native route's failures; `own` has its own words for some of them. */
export function problemResponses(
  statuses: readonly Status[],
  own: Partial<Readonly<Record<Status, string>>> = {},
): RouteDocumentation['responses'] {
  return Object.fromEntries(
    statuses.map((status) => [
      status,
      { description: own[status] ?? DESCRIPTIONS[status], contentType: PROBLEM_TYPE },
    ]),
  );
}
