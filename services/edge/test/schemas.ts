import assert from 'node:assert/strict';
import type { SchemaMode, SchemaRecord, SchemaRegistry } from '../src/ingest/schemas/schema-registry.ts';

/** A registry that holds these schemas and takes no changes. */
export function schemasForTests(records: readonly SchemaRecord[] = []): SchemaRegistry {
  const ofWorkspace = (id: string) => records.filter(({ workspaceId }) => workspaceId === id);
  return {
    find: (id, name) => ofWorkspace(id).find(({ eventName }) => eventName === name),
    list: ofWorkspace,
    put: () => assert.fail('no schema is put'),
    remove: () => assert.fail('no schema is removed'),
    close: async () => undefined,
  };
}

/** The first version of a schema. */
export function recordForTests(wish: {
  workspaceId: string;
  eventName: string;
  schema: object;
  mode?: SchemaMode;
}): SchemaRecord {
  const { workspaceId, eventName, schema, mode = 'enforce' } = wish;
  const version = {
    version: 1,
    mode,
    schema: JSON.stringify(schema),
    createdAtMs: 0,
    createdBy: 'user-1',
  };
  return { workspaceId, eventName, description: '', versions: [version] };
}
