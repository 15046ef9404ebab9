import { type Clock, fieldError, type Logger, MillraceError } from '@millrace/runtime';
import { PROPERTY_SLOTS, type PropertyPlan } from '@millrace/wire';
import { z } from 'zod';
import type { NatsConnection } from './connect.ts';
import { openRecords } from './kv/records.ts';

/** A property as somebody wants it: a path into an event's JSON. */
export interface PropertyWish {
  readonly workspaceId: string;
  /** As the client writes it. */
  readonly path: string;
  readonly root: 'payload' | 'metadata';
  /** Member names, and indexes from 0. */
  readonly keys: readonly (string | number)[];
  readonly kind: 'text' | 'number';
  /** The user's id, or the credential's when it was issued to nobody. */
  readonly createdBy: string;
}

/** What a change came to. */
export interface PropertyOutcome {
  readonly kind: 'created' | 'changed' | 'unchanged';
  readonly property: Property;
}

/** The properties of every workspace: what of their events' JSON is kept in columns. */
export interface Properties {
  /** From memory: what a writer fills; undefined for a workspace that has none. */
  planOf(workspaceId: string): PropertyPlan | undefined;
  /** From memory, by path. */
  list(workspaceId: string): readonly Property[];
  /** From memory: the version of every workspace that has any. */
  versions(): ReadonlyMap<string, number>;
  /** Throws MillraceError `invalid_argument` naming `type` when the workspace has as many of it as there are slots. */
  put(wish: PropertyWish): Promise<PropertyOutcome>;
  /** Throws MillraceError `not_found`. */
  remove(target: Pick<PropertyWish, 'workspaceId' | 'root' | 'keys'>): Promise<Property>;
  /** Calls back after every change, whoever made it. */
  onChange(listener: (workspaceId: string) => void): void;
  close(): Promise<void>;
}

const BUCKET = 'properties';
const ATTEMPTS = 10;

/** Opens the properties and returns when all of them are known; from then on changes arrive by watch. */
export async function openProperties(options: {
  connection: NatsConnection;
  /** Copies of each record: 3 in a cluster, 1 otherwise. */
  replicas: number;
  clock: Clock;
  log: Logger;
}): Promise<Properties> {
  const { clock } = options;
  const parse = (stored: unknown): WorkspaceProperties => workspaceProperties.parse(stored);
  const records = await openRecords({ ...options, bucket: BUCKET, parse });
  const find = (workspaceId: string) => records.get(keyOf(workspaceId))?.value;
  const plans = new Map<string, PropertyPlan>();
  const plan = ({ workspaceId, version, properties }: WorkspaceProperties): void => {
    if (properties.length === 0) plans.delete(workspaceId);
    else plans.set(workspaceId, { version, slots: properties });
  };
  for (const [, { value }] of records.entries()) plan(value);
  records.onChange((change) => {
    if (change.kind === 'put') plan(change.value);
    else plans.delete(change.previous.workspaceId);
  });

  /** Changes a workspace's properties by compare-and-set; `next` returns none where nothing changes. */
  const change = async <T>(
    workspaceId: string,
    next: (properties: readonly Property[], version: number) => { properties?: Property[]; outcome: T },
  ): Promise<T> => {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const stored = await records.read(keyOf(workspaceId));
      // Versions stand in stored rows, so they must grow even if the bucket was lost.
      const version = Math.max((stored?.value.version ?? 0) + 1, Math.floor(clock.now() / 1_000));
      const { properties, outcome } = next(stored?.value.properties ?? [], version);
      if (properties === undefined) return outcome;
      const record: WorkspaceProperties = { workspaceId, version, properties };
      const written =
        stored === undefined
          ? await records.create(keyOf(workspaceId), record)
          : await records.update(keyOf(workspaceId), record, stored.revision);
      if (written.kind === 'written') return outcome;
    }
    throw new MillraceError('aborted', 'the properties are being changed by others, try again');
  };

  return {
    planOf: (workspaceId) => plans.get(workspaceId),
    list: (workspaceId) =>
      (find(workspaceId)?.properties ?? []).toSorted((a, b) => (a.path < b.path ? -1 : 1)),
    versions: () => new Map([...plans].map(([workspaceId, { version }]) => [workspaceId, version])),
    put: ({ workspaceId, ...wish }) =>
      change<PropertyOutcome>(workspaceId, (properties, version) => {
        const known = properties.find((property) => isSamePath(property, wish));
        if (known?.kind === wish.kind) return { outcome: { kind: 'unchanged', property: known } };
        const others = properties.filter((property) => property !== known);
        const property: Property = {
          ...wish,
          keys: [...wish.keys],
          slot: freeSlot(others, wish.kind),
          since: version,
          createdAtMs: clock.now(),
        };
        return {
          properties: [...others, property],
          outcome: { kind: known ? 'changed' : 'created', property },
        };
      }),
    remove: ({ workspaceId, ...target }) =>
      change(workspaceId, (properties) => {
        const known = properties.find((property) => isSamePath(property, target));
        if (known === undefined) throw new MillraceError('not_found', 'no such property');
        return { properties: properties.filter((property) => property !== known), outcome: known };
      }),
    onChange: (listener) =>
      records.onChange((one) =>
        listener(one.kind === 'put' ? one.value.workspaceId : one.previous.workspaceId),
      ),
    close: () => records.close(),
  };
}

type Path = Pick<PropertyWish, 'root' | 'keys'>;

function isSamePath(a: Path, b: Path): boolean {
  return a.root === b.root && JSON.stringify(a.keys) === JSON.stringify(b.keys);
}

function freeSlot(properties: readonly Property[], kind: Property['kind']): number {
  const taken = new Set(properties.flatMap((property) => (property.kind === kind ? [property.slot] : [])));
  for (let slot = 1; slot <= PROPERTY_SLOTS; slot++) if (!taken.has(slot)) return slot;
  throw fieldError('type', `a workspace has at most ${PROPERTY_SLOTS} ${kind} properties`);
}

/** Workspace ids may hold characters that keys may not. */
function keyOf(workspaceId: string): string {
  return Buffer.from(workspaceId).toString('hex');
}

const property = z.object({
  path: z.string(),
  root: z.enum(['payload', 'metadata']),
  keys: z.array(z.union([z.string(), z.number()])),
  kind: z.enum(['text', 'number']),
  slot: z.number().int().min(1).max(PROPERTY_SLOTS),
  /** The first version of the workspace's properties that has it in this slot. */
  since: z.number(),
  createdAtMs: z.number(),
  createdBy: z.string(),
});

/** A property, and where its values are kept. */
export type Property = Readonly<z.output<typeof property>>;

const workspaceProperties = z.object({
  workspaceId: z.string(),
  /** Grows with every change. */
  version: z.number(),
  properties: z.array(property),
});

type WorkspaceProperties = z.output<typeof workspaceProperties>;
