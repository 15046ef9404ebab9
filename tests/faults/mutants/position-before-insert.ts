import { writeShard as writeReal } from '../../../services/ingest/src/writer/shard-writer.ts';

export * from '../../../services/ingest/src/writer/shard-writer.ts';

/** Planted bug: the position moves past the rows before they are inserted. */
export const writeShard: typeof writeReal = (deps, ownership, closing) =>
  writeReal(
    {
      ...deps,
      async insert(rows, follows, owner) {
        const newest = rows.at(-1)?.seq ?? 0;
        await deps.positions.raise(deps.shard, 'writer', { seq: newest, stored: newest });
        return deps.insert(rows, follows, owner);
      },
    },
    ownership,
    closing,
  );
