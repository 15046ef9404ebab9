import type { Logger } from '@millrace/runtime';
import { LRUCache } from 'lru-cache';
import type { Issue } from '../../server/failure.ts';
import type { CanonicalEvent } from '../canonical-event.ts';
import { type CompiledSchema, compileSchema } from './compile-schema.ts';
import { describeViolation, notCheckable, tooCostly } from './describe-violation.ts';
import type { SchemaRegistry } from './schema-registry.ts';
import { currentVersion, type SchemaMode, type SchemaRecord } from './schema-registry.ts';

/** Holds events to the schemas of their names. */
export interface SchemaGuard {
  /** Whether there is a schema for an event's name: one look-up for a workspace without any. */
  covers(event: CanonicalEvent): boolean;
  /** Why an event is refused; undefined when it isn't. */
  check(event: CanonicalEvent): Issue | undefined;
}

/** Counts what the guard finds. */
export interface SchemaMetrics {
  schemaViolated(mode: SchemaMode): void;
  schemaBroken(): void;
}

const MAX_COMPILED = 1_000;
/** Characters of the schemas that are compiled; a compiled one takes a multiple. */
const MAX_COMPILED_CHARS = 16 * 1024 * 1024;
/** Steps of one schema times the characters of one payload: some tenths of a second at worst. */
const MAX_STEPS = 200_000_000;

/** Makes the guard; a schema is compiled when its first event comes, and again when it changes. */
export function createSchemaGuard(options: {
  registry: Pick<SchemaRegistry, 'find'>;
  metrics: SchemaMetrics;
  log: Logger;
}): SchemaGuard {
  const { registry, metrics, log } = options;
  // A change makes another record, so that the record itself is the key; one that can't be used is remembered too.
  const compiled = new LRUCache<SchemaRecord, CompiledSchema | 'broken'>({
    max: MAX_COMPILED,
    maxSize: MAX_COMPILED_CHARS,
    sizeCalculation: (_, record) => currentVersion(record).schema.length,
  });

  const told = new WeakSet<SchemaRecord>();

  const broken = (record: SchemaRecord, error: unknown): void => {
    const { workspaceId, eventName } = record;
    log.error({ workspaceId, eventName, err: error }, 'a stored schema can not be used, its events pass');
    metrics.schemaBroken();
    compiled.set(record, 'broken');
  };

  const schemaOf = (record: SchemaRecord): CompiledSchema | 'broken' => {
    const known = compiled.get(record);
    if (known !== undefined) return known;
    try {
      const schema = compileSchema(JSON.parse(currentVersion(record).schema));
      compiled.set(record, schema);
      return schema;
    } catch (error) {
      // Such a schema isn't taken any more, and was before: that is no fault of the events'.
      broken(record, error);
      return 'broken';
    }
  };

  const unchecked = (record: SchemaRecord, event: CanonicalEvent, error: unknown): Issue => {
    // Once for a schema: whoever finds such a payload can send it as often as they like.
    if (!told.has(record)) {
      told.add(record);
      const { workspaceId, eventName } = record;
      log.error({ workspaceId, eventName, err: error }, 'a payload can not be checked, its event is refused');
    }
    return notCheckable(event.dialect);
  };

  const violation = (record: SchemaRecord, event: CanonicalEvent): Issue | undefined => {
    const schema = schemaOf(record);
    if (schema === 'broken') return undefined;
    if (schema.steps * event.payload.length > MAX_STEPS) return tooCostly(event.dialect);
    try {
      const payload: unknown = JSON.parse(event.payload);
      const error = schema.check(payload);
      return error && describeViolation(error, payload, event.dialect);
    } catch (error) {
      return unchecked(record, event, error);
    }
  };

  return {
    covers: ({ workspaceId, eventType }) => registry.find(workspaceId, eventType) !== undefined,
    check(event) {
      const record = registry.find(event.workspaceId, event.eventType);
      if (record === undefined) return undefined;
      const issue = violation(record, event);
      if (issue === undefined) return undefined;
      const { mode } = currentVersion(record);
      metrics.schemaViolated(mode);
      return mode === 'enforce' ? issue : undefined;
    },
  };
}
