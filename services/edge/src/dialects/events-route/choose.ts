import type { Grant } from '../../clients/credentials.ts';
import { parseJson } from '../../request/json/parse.ts';
import { type JsonText, skipString, skipWhitespace, toJsonText } from '../../request/json/scan.ts';
import { isJsonObject } from '../../request/json-types.ts';
import type { Exchange, Reply } from '../../server/exchange.ts';
import { type Failure, RequestFailure } from '../../server/failure.ts';

/** The dialects that share the route. */
export type EventsDialect = 'workflow' | 'analytics';

/** The dialect that the credential's header tells; undefined with both headers or neither. */
export function chooseByHeader(exchange: Pick<Exchange, 'header'>): EventsDialect | undefined {
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

/** The same for the beginning of a body, which may be cut anywhere. */
export function chooseByBeginning(beginning: Buffer): EventsDialect {
  const names = beginningNames(toJsonText(beginning.toString('utf8')));
  return names.includes('name') && !names.includes('eventType') ? 'workflow' : 'analytics';
}

/** The names of the outer object's members, as far as the text goes and no escapes spell them. */
function beginningNames({ text, units }: JsonText): string[] {
  const names: string[] = [];
  let depth = 0;
  for (let i = 0; i < units.length; i++) {
    const unit = units[i];
    if (unit === 123 || unit === 91) depth++;
    else if (unit === 125 || unit === 93) depth--;
    else if (unit === 34) {
      const end = skipString(units, i);
      if (depth === 1 && units[skipWhitespace(units, end)] === 58) names.push(text.slice(i + 1, end - 1));
      i = end - 1;
    }
  }
  return names;
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
function hasBearer(exchange: Pick<Exchange, 'header'>): boolean {
  const value = exchange.header('authorization');
  if (value === undefined) return false;
  return value.startsWith('Bearer ') || /^bearer(?:\s|$)/i.test(value);
}

/** One of the dialects that share `POST /api/v1/events`. */
export interface EventsHandler {
  /** Answers the exchange; `body` is there already when it had to be read to choose the dialect. */
  handle(exchange: Exchange, grant: Grant, body?: Buffer): Promise<void>;
  /** The dialect's answer to a failure. */
  encodeFailure(failure: Failure): Reply;
}
