import { MillraceError } from '@millrace/runtime';
import { z } from 'zod';
import { compileSchema } from '../../ingest/schemas/compile-schema.ts';
import { refusedSchema } from '../../ingest/schemas/describe-violation.ts';
import { schemaMode } from '../../ingest/schemas/schema-registry.ts';
import { invalid } from '../../request/issues.ts';
import { boundedText, isJsonObject, jsonObject } from '../../request/json-types.ts';
import type { Exchange } from '../../server/exchange.ts';

/** Bytes of a schema as compact JSON. */
export const MAX_SCHEMA_BYTES = 64 * 1024;

const MAX_NAME_CHARS = 255;
const CONTROL_CHARACTER = /\p{Cc}/u;
const STRONG_VERSION = /^(?:"([1-9]\d{0,8})"|([1-9]\d{0,8}))$/;

/** What `PUT /v1/schemas/:eventName` takes. */
export const putSchemaBody = z
  .strictObject({
    schema: jsonObject().describe('JSON Schema 2020-12 of the payload'),
    mode: schemaMode
      .default('enforce')
      .describe('`enforce` refuses events that violate the schema, `observe` only counts them'),
    description: boundedText(0, 1_000).default('').describe('For people'),
  })
  .meta({
    id: 'PutSchema',
    examples: [
      {
        schema: { type: 'object', required: ['userId'], properties: { userId: { type: 'string' } } },
        mode: 'enforce',
      },
    ],
  });

/** The event name of the path. Throws RequestFailure `invalid` when no event can have it. */
export function eventNameOf({ params }: Exchange): string {
  const name = params['eventName'] ?? '';
  if (name.length >= 1 && name.length <= MAX_NAME_CHARS && !CONTROL_CHARACTER.test(name)) return name;
  const message = `must have 1 to ${MAX_NAME_CHARS} characters, none of them a control character`;
  throw invalid([{ code: 'custom', path: ['eventName'], message }]);
}

/** The version of the path. Throws MillraceError `not_found` for what is no version number. */
export function versionOf({ params }: Exchange): number {
  const version = Number(params['version']);
  if (Number.isSafeInteger(version) && version > 0) return version;
  throw new MillraceError('not_found', 'no such version');
}

/** The version that the caller has seen, from `If-Match`; undefined without one. Throws RequestFailure `invalid`. */
export function expectedVersion(exchange: Exchange): number | undefined {
  const header = exchange.header('if-match');
  if (header === undefined) return undefined;
  const [, quoted, bare] = STRONG_VERSION.exec(header.trim()) ?? [];
  const version = quoted ?? bare;
  if (version !== undefined) return Number(version);
  throw invalid([{ code: 'custom', path: ['If-Match'], message: 'must be a version number' }]);
}

/** A schema as the compact JSON text that is kept. Throws RequestFailure `invalid` with the JSON pointer of what is wrong. */
export function checkedSchema(schema: unknown): string {
  const text = JSON.stringify(schema);
  if (Buffer.byteLength(text) > MAX_SCHEMA_BYTES) {
    throw refusedSchema('', `has more than ${MAX_SCHEMA_BYTES} bytes`);
  }
  if (!isJsonObject(schema)) throw refusedSchema('', 'must be an object');
  compileSchema(schema);
  return text;
}
