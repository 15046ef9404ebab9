import type { Exchange } from '../server/exchange.ts';
import { RequestFailure } from '../server/failure.ts';

const JSON_TYPE = 'application/json';

/**
 * Throws RequestFailure `unsupported_media_type` unless the body is declared to be JSON in UTF-8: `application/json`,
 * `application/*+json`, nothing at all, or the `text/plain` of a browser's beacon, which is known by `?key=`.
 */
export function requireJson(exchange: Exchange): void {
  const contentType = exchange.header('content-type');
  if (contentType === undefined || contentType === JSON_TYPE) return;
  const { type } = parse(contentType);
  if (!isJson(type) && !(type === 'text/plain' && exchange.query().has('key'))) {
    throw unsupported('Content-Type must be application/json');
  }
  requireUtf8(contentType);
}

const UTF8_NAMES = new Set([undefined, 'utf-8', 'utf8', 'us-ascii', 'ascii']);

/** Throws RequestFailure `unsupported_media_type` where a Content-Type names another charset than UTF-8, of which ASCII is a part. */
export function requireUtf8(contentType: string): void {
  if (!UTF8_NAMES.has(parse(contentType).charset)) throw unsupported('The charset must be utf-8');
}

/** Whether a Content-Type names the type, whatever its parameters and its case. */
export function isMediaType(contentType: string, type: string): boolean {
  return contentType === type || parse(contentType).type === type;
}

function isJson(type: string): boolean {
  return type === JSON_TYPE || (type.startsWith('application/') && type.endsWith('+json'));
}

function parse(contentType: string): { type: string; charset: string | undefined } {
  const [type = '', ...parameters] = contentType.toLowerCase().split(';');
  for (const parameter of parameters) {
    const [name, value] = parameter.split('=', 2);
    if (name?.trim() === 'charset') return { type: type.trim(), charset: unquote(value?.trim() ?? '') };
  }
  return { type: type.trim(), charset: undefined };
}

function unquote(value: string): string {
  return value.length > 1 && value.startsWith('"') && value.endsWith('"') ? value.slice(1, -1) : value;
}

function unsupported(message: string): RequestFailure {
  return new RequestFailure({ kind: 'unsupported_media_type', message });
}
