import { gzipSync } from 'node:zlib';
import type { IngestRoute } from './ingest-routes.ts';

/** A request that must be refused. */
export interface BadRequest {
  readonly what: string;
  readonly status: 400 | 413 | 415;
  readonly body: string | Uint8Array;
  readonly headers?: Readonly<Record<string, string>>;
  /** What the answer must name. */
  readonly names?: string;
}

const DEEP = 40;
const VERY_DEEP = 100_000;

/** Every bad request that makes sense at a route. */
export function badRequests(route: IngestRoute): BadRequest[] {
  return [
    ...badJson(route),
    ...badFields(route),
    ...badText(route),
    ...badEncodings(route),
    ...tooMuch(route),
  ];
}

function badJson({ foreign, wrap, event }: IngestRoute): BadRequest[] {
  const texts = ['{', '}', '{"a":1,}', "{'a':1}", '{"a":NaN}', 'nonsense', '[1', '"\t"', '{"a":1} x', '01'];
  const good = JSON.stringify(event());
  return [
    ...texts.map((text) => ({ what: `no JSON: ${JSON.stringify(text)}`, status: 400 as const, body: text })),
    { what: 'JSON that ends too early', status: 400, body: wrap(good.slice(0, -1)) },
    ...foreign.map((body) => ({ what: `JSON that is no event: ${body}`, status: 400 as const, body })),
  ];
}

function badFields(route: IngestRoute): BadRequest[] {
  const wrongs: readonly (readonly [string, unknown])[] = [
    ['missing', undefined],
    ['null', null],
    ['a number', 5],
    ['an object', {}],
    ['an array', ['x']],
    ['true', true],
    ['empty', ''],
  ];
  const requests = route.required.flatMap((field) =>
    wrongs.map(([what, value]) => changed(route, `${field} ${what}`, { [field]: value }, field)),
  );
  const { free, id } = route;
  // CloudEvents data may be any JSON.
  if (free !== undefined && free !== 'data') {
    for (const value of ['x', 1, [1], true]) {
      requests.push(changed(route, `${free} ${JSON.stringify(value)}`, { [free]: value }, free));
    }
  }
  if (id !== undefined) {
    const long = 'i'.repeat(id.maxLength + 1);
    requests.push(changed(route, `${id.field} too long`, { [id.field]: long }, id.field));
    requests.push(changed(route, `${id.field} a number`, { [id.field]: 1 }, id.field));
  }
  return requests;
}

function changed(route: IngestRoute, what: string, over: object, names: string): BadRequest {
  return { what, status: 400, body: route.wrap(JSON.stringify({ ...route.event(), ...over })), names };
}

/** Text that JSON allows and Millrace does not, within the client's own object and in a field of the dialect. */
function badText(route: IngestRoute): BadRequest[] {
  const texts = {
    'NUL as a value': '{"a":"\\u0000"}',
    'NUL in a name': '{"a\\u0000b":1}',
    'a lone high surrogate': '{"a":"\\ud800"}',
    'a lone low surrogate': '{"a":"x\\udc00y"}',
    'surrogates in the wrong order': '{"a":"\\udc00\\ud800"}',
    'a lone surrogate in a name': '{"\\udfff":1}',
    __proto__: '{"__proto__":{"isAdmin":true}}',
    '__proto__ in disguise': '{"\\u005f_proto\\u005F_":1}',
    'a number beyond a double': '{"a":[1e400]}',
    '__proto__ further in': '{"a":[{"b":{"__proto__":null}}]}',
  };
  const requests = Object.entries(texts).map(([what, text]) => ({
    what,
    status: 400 as const,
    body: withFree(route, text),
  }));
  const [field] = route.required;
  if (field === undefined) return requests;
  const good = JSON.stringify(route.event());
  for (const [what, literal] of [
    ['NUL', '"a\\u0000b"'],
    ['a lone surrogate', '"\\ud800"'],
  ]) {
    const body = route.wrap(
      good.replace(/^\{/, `{"${field}":${literal},"ignored":{},`).replace(`,"${field}":"`, ',"x":"'),
    );
    requests.push({ what: `${what} in ${field}`, status: 400, body });
  }
  return requests;
}

function badEncodings(route: IngestRoute): BadRequest[] {
  const good = Buffer.from(route.wrap(JSON.stringify(route.event())));
  const zipped = gzipSync(good);
  const corrupt = Buffer.from(zipped);
  corrupt.fill(0xff, 12, 20);
  const gzip = { 'content-encoding': 'gzip' };
  const invalidUtf8 = Buffer.from(withFree(route, '{"a":"\x01"}').replace('\x01', '?'));
  invalidUtf8[invalidUtf8.indexOf('?')] = 0xff;
  const overlong = Buffer.from(withFree(route, '{"a":"??"}'));
  overlong.set([0xc0, 0xaf], overlong.indexOf('??'));
  const media = [
    'text/xml',
    'text/plain',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'application/cloudevents+xml',
  ];
  return [
    { what: 'invalid UTF-8', status: 400, body: invalidUtf8 },
    { what: 'an overlong form of UTF-8', status: 400, body: overlong },
    { what: 'UTF-16', status: 400, body: Buffer.from(good.toString(), 'utf16le') },
    { what: 'corrupt gzip', status: 400, body: corrupt, headers: gzip },
    { what: 'gzip that ends too early', status: 400, body: zipped.subarray(0, -9), headers: gzip },
    { what: 'no gzip at all', status: 400, body: good, headers: gzip },
    { what: 'no brotli at all', status: 400, body: good, headers: { 'content-encoding': 'br' } },
    { what: 'no zstd at all', status: 400, body: good, headers: { 'content-encoding': 'zstd' } },
    {
      what: 'an unknown content encoding',
      status: 415,
      body: good,
      headers: { 'content-encoding': 'snappy' },
    },
    { what: 'two content encodings', status: 415, body: good, headers: { 'content-encoding': 'gzip, br' } },
    ...(route.anyContentType
      ? []
      : media.map((type) => ({
          what: `a body of ${type}`,
          status: 415 as const,
          body: good,
          headers: { 'content-type': type },
        }))),
  ];
}

function tooMuch(route: IngestRoute): BadRequest[] {
  const nested = (levels: number) => `{"a":${'['.repeat(levels)}${']'.repeat(levels)}}`;
  const large = withFree(route, `{"a":"${'x'.repeat(route.limitBytes)}"}`);
  return [
    { what: 'JSON that is too deep', status: 400, body: withFree(route, nested(DEEP)), names: '32' },
    { what: 'JSON that is far too deep', status: 400, body: withFree(route, nested(VERY_DEEP)) },
    { what: 'too many bytes', status: 413, body: large },
    { what: 'too many bytes, of no announced length', status: 413, body: large, headers: CHUNKED },
    { what: 'too many bytes, of a client that then hangs up', status: 413, body: large, headers: CLOSE },
    {
      what: 'too many bytes once inflated',
      status: 413,
      body: gzipSync(large),
      headers: { 'content-encoding': 'gzip' },
    },
  ];
}

const CLOSE = { connection: 'close' };
const CHUNKED = { 'transfer-encoding': 'chunked' };

/** A body whose client's own object is this text. */
function withFree(route: IngestRoute, text: string): string {
  const { event, free, wrap } = route;
  if (free === undefined) return wrap(text);
  const { [free]: _, ...rest } = event();
  return wrap(`${JSON.stringify(rest).slice(0, -1)},"${free}":${text}}`);
}
