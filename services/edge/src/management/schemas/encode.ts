import {
  currentVersion,
  type SchemaRecord,
  type SchemaVersion,
} from '../../ingest/schemas/schema-registry.ts';
import type { Reply } from '../../server/exchange.ts';

/** One version of a schema; the ETag is what `If-Match` takes. */
export function encodeSchema(
  record: SchemaRecord,
  version: SchemaVersion = currentVersion(record),
  status: 200 | 201 = 200,
): Reply {
  const body = { ...summaryOf(record, version), schema: JSON.parse(version.schema) };
  return { status, body: JSON.stringify(body), headers: ['etag', `"${version.version}"`] };
}

/** `{"schemas": […]}`, without the schemas themselves. */
export function encodeSchemaList(records: readonly SchemaRecord[]): Reply {
  const schemas = records.map((record) => summaryOf(record, currentVersion(record)));
  return { status: 200, body: JSON.stringify({ schemas }) };
}

/** `{"versions": […]}`, the newest first, without the schemas themselves. */
export function encodeVersions(record: SchemaRecord): Reply {
  const versions = record.versions.toReversed().map((version) => summaryOf(record, version));
  return { status: 200, body: JSON.stringify({ versions }) };
}

function summaryOf({ eventName, description }: SchemaRecord, version: SchemaVersion) {
  return {
    eventName,
    version: version.version,
    mode: version.mode,
    description,
    createdAt: new Date(version.createdAtMs).toISOString(),
    createdBy: version.createdBy,
  };
}
