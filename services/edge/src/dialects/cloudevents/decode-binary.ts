import { isUtf8 } from 'node:buffer';
import type { IncomingHttpHeaders } from 'node:http';
import type { CanonicalEvent } from '../../ingest/canonical-event.ts';
import type { DecodeContext } from '../../ingest/decode-context.ts';
import { invalid } from '../../request/issues.ts';
import { parseJson } from '../../request/json/parse.ts';
import { skipValue, skipWhitespace } from '../../request/json/scan.ts';
import type { RequestFailure } from '../../server/failure.ts';
import { checkCloudEvent, toEvent } from './cloud-event.ts';

const PREFIX = 'ce-';

/** Whether a request carries attributes in its headers. */
export function isBinary(headers: IncomingHttpHeaders): boolean {
  return Object.keys(headers).some((name) => name.startsWith(PREFIX));
}

/** Decodes the binary mode: attributes from `ce-*` headers, the body is the data whatever its type. */
export function decodeBinary(
  headers: IncomingHttpHeaders,
  body: Buffer,
  context: DecodeContext,
): CanonicalEvent {
  const contentType = headers['content-type'];
  const attributes = { ...readAttributes(headers), datacontenttype: contentType ?? null };
  const data = readData(contentType ?? '', body);
  const checked = checkCloudEvent(
    'base64' in data ? { ...attributes, data_base64: data.base64 } : attributes,
  );
  if ('issues' in checked) throw invalid(checked.issues);
  return toEvent(checked, 'json' in data ? data.json : undefined, context);
}

function readAttributes(headers: IncomingHttpHeaders): Record<string, unknown> {
  const attributes: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (!name.startsWith(PREFIX)) continue;
    const attribute = name.slice(PREFIX.length);
    // The body is the data, and its type is the Content-Type: neither is an attribute of its own here.
    if (attribute === 'data' || attribute === 'data_base64' || attribute === 'datacontenttype') {
      throw refused(attribute, 'Not a header in the binary mode');
    }
    const decoded = decodeHeaderValue(String(value));
    if (decoded === undefined) throw refused(attribute, 'Expected percent-encoded UTF-8');
    attributes[attribute] = decoded;
  }
  return attributes;
}

/** JSON stays as it is, other text becomes a JSON string, the rest base64. */
function readData(contentType: string, body: Buffer): { json: string } | { base64: string } | { none: true } {
  if (body.length === 0) return { none: true };
  const type = contentType.split(';', 1)[0]?.trim().toLowerCase() ?? '';
  if (isJsonType(type)) {
    const { text, units } = parseJson(body);
    const start = skipWhitespace(units, 0);
    return { json: text.slice(start, skipValue(units, start)) };
  }
  // NUL can't be stored as text, and only UTF-8 is known to be what it says.
  if (isTextType(type) && isUtf8(body) && !body.includes(0)) return { json: JSON.stringify(body.toString()) };
  return { base64: body.toString('base64') };
}

function isJsonType(type: string): boolean {
  return type === 'application/json' || type === 'text/json' || type.endsWith('+json');
}

function isTextType(type: string): boolean {
  return type.startsWith('text/') || type === 'application/xml' || type.endsWith('+xml');
}

function refused(attribute: string, message: string): RequestFailure {
  return invalid([{ code: 'custom', path: [attribute], message }]);
}

const QUOTED = /^"((?:[^"\\]|\\.)*)"$/s;

/**
 * An attribute's value from its header, by the HTTP binding 1.0: quotes are taken off, then percent triplets are decoded
 * once, as UTF-8. A percent sign that starts no triplet stays: older producers don't encode it. Undefined when it isn't UTF-8.
 */
function decodeHeaderValue(header: string): string | undefined {
  const quoted = QUOTED.exec(header);
  const value = quoted ? (quoted[1] ?? '').replace(/\\(.)/gs, '$1') : header;
  const bytes = value.replace(/%([0-9A-Fa-f]{2})/g, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
  // Node reads headers as latin1, a character a byte.
  const buffer = Buffer.from(bytes, 'latin1');
  return isUtf8(buffer) ? buffer.toString() : undefined;
}
