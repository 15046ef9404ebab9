import { parseJson } from '../../request/json/parse.ts';
import { isJsonObject } from '../../request/json-types.ts';
import type { Exchange } from '../../server/exchange.ts';
import { RequestFailure } from '../../server/failure.ts';

/** The dialects that share the route. */
export type EventsDialect = 'workflow' | 'analytics';

/** The dialect that the credential's header tells; undefined with both headers or neither. */
export function chooseByHeader(exchange: Exchange): EventsDialect | undefined {
  const hasApiKey = exchange.header('x-api-key') !== undefined;
  if (hasApiKey === hasBearer(exchange)) return undefined;
  return hasApiKey ? 'analytics' : 'workflow';
}

/** The dialect that the body tells; a body that can't be read is the analytics dialect's to refuse. */
export function chooseByBody(body: Buffer): EventsDialect {
  const value = tryParse(body);
  if (!isJsonObject(value) || Object.hasOwn(value, 'eventType')) return 'analytics';
  return Object.hasOwn(value, 'name') ? 'workflow' : 'analytics';
}

function tryParse(body: Buffer): unknown {
  try {
    return parseJson(body).value;
  } catch (error) {
    // The chosen decoder parses the body again and answers with the reason.
    if (error instanceof RequestFailure) return undefined;
    throw error;
  }
}

/** Whether the scheme is Bearer, even if no token follows it. */
function hasBearer(exchange: Exchange): boolean {
  const value = exchange.header('authorization');
  if (value === undefined) return false;
  return value.startsWith('Bearer ') || /^bearer(?:\s|$)/i.test(value);
}
