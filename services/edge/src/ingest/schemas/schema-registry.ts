import { createHash } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { type Clock, fieldError, type Logger, MillraceError } from '@millrace/runtime';
import { type NatsConnection, openRecords, type Versioned } from '@millrace/stores';
import { z } from 'zod';

/** A schema as somebody wants it. */
export interface SchemaWish extends SchemaTarget {
  readonly mode: SchemaMode;
  readonly description: string;
  /** JSON text that `compileSchema` takes. */
  readonly schema: string;
  readonly createdBy: string;
}

/** Which schema to change. */
export interface SchemaTarget {
  readonly workspaceId: string;
  readonly eventName: string;
  /** The version that the caller has seen; undefined for any. */
  readonly ifVersion: number | undefined;
}

/** What a change came to. */
export interface PutOutcome {
  readonly kind: 'created' | 'changed' | 'unchanged';
  readonly record: SchemaRecord;
}

/** The schemas of every workspace. */
export interface SchemaRegistry {
  /** From memory; on the way of every event. */
  find(workspaceId: string, eventName: string): SchemaRecord | undefined;
  /** A workspace's own, from memory, by name. */
  list(workspaceId: string): SchemaRecord[];
  /**
   * Makes a new version unless the schema and its mode are what they were. Throws MillraceError `failed_precondition` at another
   * version than `ifVersion`, `invalid_argument` when the workspace is full.
   */
  put(wish: SchemaWish): Promise<PutOutcome>;
  /** Removes a schema and its versions, and returns what was removed. Throws `not_found` or `failed_precondition`. */
  remove(target: SchemaTarget): Promise<SchemaRecord>;
  close(): Promise<void>;
}

/** Versions that are kept of a schema. */
export const MAX_VERSIONS = 20;
/** Schemas of a workspace. */
export const MAX_SCHEMAS = 1_000;
/** Characters of a schema's versions together: older ones go first. */
const MAX_RECORD_CHARS = 1024 * 1024 - 64 * 1024;
/** Characters of a workspace's schemas together: every replica holds them in memory. */
const MAX_WORKSPACE_CHARS = 32 * 1024 * 1024;

const ATTEMPTS = 10;

/** Opens the schemas and returns when all of them are known; from then on changes arrive by watch. */
export async function openSchemaRegistry(options: {
  connection: NatsConnection;
  /** Copies of each record: 3 in a cluster, 1 otherwise. */
  replicas: number;
  clock: Clock;
  log: Logger;
}): Promise<SchemaRegistry> {
  const { clock } = options;
  const parse = (stored: unknown): SchemaRecord => schemaRecord.parse(stored);
  const records = await openRecords({ ...options, bucket: 'event-schemas', parse });
  const byWorkspace = new Map<string, Map<string, SchemaRecord>>();
  const add = (record: SchemaRecord): void => {
    const names = byWorkspace.get(record.workspaceId) ?? new Map<string, SchemaRecord>();
    byWorkspace.set(record.workspaceId, names.set(record.eventName, record));
  };
  for (const [, { value }] of records.entries()) add(value);
  records.onChange((change) => {
    if (change.kind === 'put') return add(change.value);
    const { workspaceId, eventName } = change.previous;
    const names = byWorkspace.get(workspaceId);
    names?.delete(eventName);
    // A workspace without schemas costs its events one look-up, and nothing here.
    if (names?.size === 0) byWorkspace.delete(workspaceId);
  });
  const list = (workspaceId: string): SchemaRecord[] =>
    [...(byWorkspace.get(workspaceId)?.values() ?? [])].sort((a, b) => (a.eventName < b.eventName ? -1 : 1));

  return {
    find: (workspaceId, eventName) => byWorkspace.get(workspaceId)?.get(eventName),
    list,

    async put(wish) {
      const recordKey = schemaKey(wish.workspaceId, wish.eventName);
      for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
        const stored = await records.read(recordKey);
        requireVersion(stored, wish.ifVersion);
        if (stored !== undefined && isUnchanged(stored.value, wish)) {
          return { kind: 'unchanged', record: stored.value };
        }
        refuseExcess(list(wish.workspaceId), wish);
        const record = changedRecord(stored?.value, wish, clock.now());
        const outcome =
          stored === undefined
            ? await records.create(recordKey, record)
            : await records.update(recordKey, record, stored.revision);
        if (outcome.kind === 'written') return { kind: stored ? 'changed' : 'created', record };
      }
      throw contended();
    },

    async remove(target) {
      const recordKey = schemaKey(target.workspaceId, target.eventName);
      for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
        const stored = await records.read(recordKey);
        if (stored === undefined) throw new MillraceError('not_found', 'no such schema');
        requireVersion(stored, target.ifVersion);
        if ((await records.remove(recordKey, stored.revision)).kind === 'written') return stored.value;
      }
      throw contended();
    },

    close: () => records.close(),
  };
}

function requireVersion(stored: Versioned<SchemaRecord> | undefined, expected: number | undefined): void {
  if (expected === undefined) return;
  const version = stored && currentVersion(stored.value).version;
  if (version === expected) return;
  const now = version === undefined ? 'there is no schema' : `the schema is at version ${version}`;
  throw new MillraceError('failed_precondition', `If-Match asks for version ${expected}, but ${now}`);
}

function isUnchanged(record: SchemaRecord, wish: SchemaWish): boolean {
  return record.description === wish.description && isSameVersion(currentVersion(record), wish);
}

function isSameVersion(version: SchemaVersion, wish: SchemaWish): boolean {
  if (version.mode !== wish.mode) return false;
  // The order of members means nothing in JSON.
  return isDeepStrictEqual(JSON.parse(version.schema), JSON.parse(wish.schema));
}

function refuseExcess(schemas: readonly SchemaRecord[], wish: SchemaWish): void {
  const isNew = schemas.every(({ eventName }) => eventName !== wish.eventName);
  if (isNew && schemas.length >= MAX_SCHEMAS) {
    throw fieldError('event_name', `a workspace has at most ${MAX_SCHEMAS} schemas`);
  }
  const chars = schemas.reduce((sum, { versions }) => sum + sizeOf(versions), wish.schema.length);
  if (chars > MAX_WORKSPACE_CHARS) {
    const issue = `the schemas of a workspace have at most ${MAX_WORKSPACE_CHARS} characters, versions included`;
    throw fieldError('schema', issue);
  }
}

function changedRecord(
  before: SchemaRecord | undefined,
  wish: SchemaWish,
  createdAtMs: number,
): SchemaRecord {
  const { workspaceId, eventName, description, mode, schema, createdBy } = wish;
  const made = { version: 1, mode, schema, createdAtMs, createdBy };
  if (before === undefined) return { workspaceId, eventName, description, versions: [made] };
  const current = currentVersion(before);
  if (isSameVersion(current, wish)) return { ...before, description };
  const versions: [SchemaVersion, ...SchemaVersion[]] = [{ ...made, version: current.version + 1 }];
  for (const version of before.versions.toReversed()) {
    if (versions.length === MAX_VERSIONS || sizeOf([...versions, version]) > MAX_RECORD_CHARS) break;
    versions.unshift(version);
  }
  return { workspaceId, eventName, description, versions };
}

function sizeOf(versions: readonly SchemaVersion[]): number {
  return versions.reduce((sum, { schema }) => sum + schema.length, 0);
}

function contended(): MillraceError {
  return new MillraceError('aborted', 'the schema is being changed by others, try again');
}

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
const schemaRecord = z.object({
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
function schemaKey(workspaceId: string, eventName: string): string {
  return createHash('sha256').update(`${workspaceId}\0${eventName}`).digest('hex');
}
