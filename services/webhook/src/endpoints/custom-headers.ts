import { fieldError } from '@millrace/runtime';

const MAX_HEADERS = 20;
const MAX_NAME_CHARS = 128;
const MAX_VALUE_CHARS = 1_024;
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
/** What HTTP/1.1 lets stand in a value, of ASCII: nothing by which a line could be ended. */
const VALUE = /^[\t\x20-\x7e]*$/;

/** What frames a message, or is delivery's own. */
const OWN = new Set([
  'connection',
  'content-encoding',
  'content-length',
  'content-type',
  'expect',
  'host',
  'keep-alive',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'user-agent',
]);
const OWN_PREFIXES = ['webhook-', 'x-webhook-', 'x-millrace-', ':'];

/** Checks the headers that an owner wants sent. Throws MillraceError `invalid_argument` naming the header. */
export function checkHeaders(headers: Readonly<Record<string, string>>, field: string): void {
  const entries = Object.entries(headers);
  if (entries.length > MAX_HEADERS) throw fieldError(field, `at most ${MAX_HEADERS} headers`);
  const seen = new Set<string>();
  for (const [name, value] of entries) {
    const lower = name.toLowerCase();
    const place = `${field}.${name.slice(0, 32)}`;
    if (name.length > MAX_NAME_CHARS || !TOKEN.test(name))
      throw fieldError(field, 'a name must be an HTTP token');
    if (OWN.has(lower) || OWN_PREFIXES.some((prefix) => lower.startsWith(prefix)))
      throw fieldError(place, 'is set by delivery itself');
    if (seen.has(lower)) throw fieldError(place, 'is there twice: case does not count');
    seen.add(lower);
    if (value.length > MAX_VALUE_CHARS || !VALUE.test(value) || value !== value.trim())
      throw fieldError(
        place,
        `must have at most ${MAX_VALUE_CHARS} printable ASCII characters, no blank at its ends`,
      );
  }
}
