import type { MessageInitShape } from '@bufbuild/protobuf';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import {
  type ListPropertiesResponseSchema,
  type PropertySchema,
  PropertyType,
  type PutPropertyRequest,
  type PutPropertyResponseSchema,
} from '@millrace/contracts/millrace/api/v1/analytics';
import { fieldError, MillraceError } from '@millrace/runtime';
import { ask, type ClickHouseClient, loadSql, type Properties, type Property } from '@millrace/stores';
import { parseField } from '@millrace/wire';
import { z } from 'zod';
import { type PropertyColumns, propertyKey } from '../query/statement.ts';
import type { Suggestions } from './suggestions.ts';

/** What the properties of a workspace are managed with. */
export interface PropertyDeps {
  /** Undefined as long as NATS has not been reached. */
  readonly properties: () => Properties | undefined;
  readonly suggestions: Suggestions;
  readonly client: ClickHouseClient;
}

const TIMEOUT_MS = 20_000;
const filledSql = loadSql(import.meta.url, 'queries/filled.sql');
const filledRow = z.object({ version: z.coerce.number(), events: z.coerce.number() });

/** A workspace's columns for questions; none while they are not known, when everything is read from JSON, to the same result. */
export function propertyColumns(properties: Properties | undefined, workspaceId: string): PropertyColumns {
  return new Map(
    properties
      ?.list(workspaceId)
      .map(({ root, keys, kind, slot, since }) => [
        propertyKey(root, keys),
        { name: `_${kind}_${slot}`, kind, since },
      ]),
  );
}

/** Lists a workspace's properties, and how far they are filled. Throws MillraceError `unavailable`. */
export async function listProperties(
  deps: PropertyDeps,
  workspaceId: string,
  signal: AbortSignal,
): Promise<MessageInitShape<typeof ListPropertiesResponseSchema>> {
  if (workspaceId === '') throw fieldError('workspace_id', 'is required');
  const list = known(deps).list(workspaceId);
  const filled = list.length === 0 ? [] : await readFilled(deps, workspaceId, signal);
  const registered = propertyColumns(known(deps), workspaceId);
  return {
    properties: list.map((property) => toMessage(property, filled)),
    suggestions: deps.suggestions.of(workspaceId, (path) => !registered.has(keyOfPath(path))),
  };
}

/** Registers a property. Throws MillraceError `invalid_argument` naming the field, and `unavailable`. */
export async function putProperty(
  deps: PropertyDeps,
  request: { workspaceId: string; askedBy: string; wish: PutPropertyRequest },
  signal: AbortSignal,
): Promise<MessageInitShape<typeof PutPropertyResponseSchema>> {
  const { workspaceId, askedBy, wish } = request;
  if (workspaceId === '') throw fieldError('workspace_id', 'is required');
  const { root, keys } = pathOf(wish.path);
  const outcome = await known(deps).put({
    workspaceId,
    path: wish.path,
    root,
    keys,
    kind: kindOf(wish.type),
    createdBy: askedBy,
  });
  const filled = await readFilled(deps, workspaceId, signal);
  return { property: toMessage(outcome.property, filled), created: outcome.kind === 'created' };
}

/** Removes a property. Throws MillraceError `not_found`, `invalid_argument` naming the field, and `unavailable`. */
export async function deleteProperty(deps: PropertyDeps, workspaceId: string, path: string): Promise<void> {
  if (workspaceId === '') throw fieldError('workspace_id', 'is required');
  await known(deps).remove({ workspaceId, ...pathOf(path) });
}

function known({ properties }: PropertyDeps): Properties {
  const found = properties();
  if (found === undefined) throw new MillraceError('unavailable', 'the properties are not known yet');
  return found;
}

function pathOf(path: string): Pick<Property, 'root' | 'keys'> {
  const field = parseField(path, 'path');
  if (field.kind !== 'path') throw fieldError('path', `${field.name} has a column already`);
  return { root: field.column, keys: [...field.keys] };
}

function keyOfPath(path: string): string {
  const { root, keys } = pathOf(path);
  return propertyKey(root, keys);
}

function kindOf(type: PropertyType): Property['kind'] {
  switch (type) {
    case PropertyType.UNSPECIFIED:
    case PropertyType.TEXT:
      return 'text';
    case PropertyType.NUMBER:
      return 'number';
    default:
      throw fieldError('type', 'is not known');
  }
}

type Filled = readonly { readonly version: number; readonly events: number }[];

async function readFilled(
  { client }: PropertyDeps,
  workspaceId: string,
  signal: AbortSignal,
): Promise<Filled> {
  return ask(client, {
    sql: filledSql,
    params: { workspaceId },
    row: filledRow,
    timeoutMs: TIMEOUT_MS,
    signal,
  });
}

function toMessage(property: Property, filled: Filled): MessageInitShape<typeof PropertySchema> {
  const { path, kind, since, createdAtMs, createdBy } = property;
  const sum = (some: Filled) => BigInt(some.reduce((total, { events }) => total + events, 0));
  return {
    path,
    type: kind === 'text' ? PropertyType.TEXT : PropertyType.NUMBER,
    createdAt: timestampFromMs(createdAtMs),
    createdBy,
    events: sum(filled),
    filledEvents: sum(filled.filter(({ version }) => version >= since)),
  };
}
