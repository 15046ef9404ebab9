import { createHash } from 'node:crypto';
import { z } from 'zod';

/** `enforce` refuses events that violate the schema, `observe` only counts them. */
export const schemaMode = z.enum(['enforce', 'observe']);

/** What happens to events that violate a schema. */
export type SchemaMode = z.output<typeof schemaMode>;

const schemaVersion = z.object({
  version: z.number().int().min(1),
  mode: schemaMode,
  /** JSON text: most versions are never looked at again, and parsed they would take many times the memory. */
  schema: z.string(),
  createdAtMs: z.number(),
  /** The user's id, or the credential's when it was issued to nobody. */
  createdBy: z.string(),
});

/** One state of a schema; never changes. */
export type SchemaVersion = Readonly<z.output<typeof schemaVersion>>;

/** The schema of one event name of one workspace, as it is stored. */
export const schemaRecord = z.object({
  workspaceId: z.string(),
  eventName: z.string(),
  description: z.string(),
  /** Oldest first; the last one applies. */
  versions: z.tuple([schemaVersion], schemaVersion),
});

/** The schema of one event name, with its versions. */
export type SchemaRecord = Readonly<z.output<typeof schemaRecord>>;

/** The version that applies. */
export function currentVersion(record: SchemaRecord): SchemaVersion {
  return record.versions.at(-1) ?? record.versions[0];
}

/** Where a schema is stored: names may hold characters that keys may not. */
export function schemaKey(workspaceId: string, eventName: string): string {
  return createHash('sha256').update(`${workspaceId}\0${eventName}`).digest('hex');
}
