import { z } from 'zod';
import {
  currentVersion,
  type SchemaRecord,
  type SchemaVersion,
  schemaMode,
} from '../../ingest/schemas/schema-registry.ts';
import { instant, jsonReply } from '../../request/response.ts';
import type { Reply } from '../../server/exchange.ts';

const summary = z.strictObject({
  eventName: z.string(),
  version: z.int().min(1),
  mode: schemaMode,
  description: z.string(),
  createdAt: instant(),
  createdBy: z.string().describe('The user, or the credential where nobody is behind it'),
});

/** One version of a schema, with the schema. */
export const schemaVersion = summary
  .extend({ schema: z.record(z.string(), z.unknown()) })
  .meta({ id: 'SchemaVersion' });

const schemaSummary = summary.meta({ id: 'SchemaSummary' });

/** The schemas of a workspace. */
export const schemaList = z.strictObject({ schemas: z.array(schemaSummary) }).meta({ id: 'SchemaList' });

/** The versions of a schema. */
export const schemaVersions = z
  .strictObject({ versions: z.array(schemaSummary) })
  .meta({ id: 'SchemaVersions' });

/** One version of a schema; the ETag is what `If-Match` takes. */
export function encodeSchema(
  record: SchemaRecord,
  version: SchemaVersion = currentVersion(record),
  status: 200 | 201 = 200,
): Reply {
  const body = { ...summaryOf(record, version), schema: JSON.parse(version.schema) };
  return jsonReply(schemaVersion, status, body, ['etag', `"${version.version}"`]);
}

/** `{"schemas": […]}`, without the schemas themselves. */
export function encodeSchemaList(records: readonly SchemaRecord[]): Reply {
  const schemas = records.map((record) => summaryOf(record, currentVersion(record)));
  return jsonReply(schemaList, 200, { schemas });
}

/** `{"versions": […]}`, the newest first, without the schemas themselves. */
export function encodeVersions(record: SchemaRecord): Reply {
  const versions = record.versions.toReversed().map((version) => summaryOf(record, version));
  return jsonReply(schemaVersions, 200, { versions });
}

function summaryOf(
  { eventName, description }: SchemaRecord,
  version: SchemaVersion,
): z.output<typeof summary> {
  return {
    eventName,
    version: version.version,
    mode: version.mode,
    description,
    createdAt: new Date(version.createdAtMs).toISOString(),
    createdBy: version.createdBy,
  };
}
