import { invalid, toIssues } from '../../request/issues.ts';
import { parseJson } from '../../request/json/parse.ts';
import { boundedText } from '../../request/json-types.ts';
import { RequestFailure } from '../../server/failure.ts';
import { type FilterJson, filterSchema } from './schema.ts';

const MAX_CHARS = 8_192;

/** The parameter `filter` of a query: a filter as JSON text. */
export function filterText() {
  return boundedText(1, MAX_CHARS).describe('a filter as `POST /v1/query` takes it, as JSON text');
}

/** The filter that the parameter spells. Throws RequestFailure `invalid` naming the place in it, for example `filter.and[0].eq`. */
export function parseFilter(text: string): FilterJson {
  const value = readJson(text);
  const parsed = filterSchema.safeParse(value);
  if (!parsed.success) throw invalid(toIssues(parsed.error, value, ['filter']));
  return parsed.data;
}

function readJson(text: string): unknown {
  try {
    return parseJson(Buffer.from(text)).value;
  } catch (error) {
    if (!(error instanceof RequestFailure)) throw error;
    const { failure } = error;
    const message = failure.kind === 'invalid' ? failure.issues[0].message : 'must be a filter as JSON text';
    throw invalid([{ code: 'custom', path: ['filter'], message }]);
  }
}
