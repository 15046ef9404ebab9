/** A bug that can be planted. */
export type Mutant = 'mark-before-publish' | 'ack-before-insert' | 'position-before-insert' | 'no-token';

const modules = {
  publisher: 'packages/stores/src/nats/event-log/publisher.ts',
  protobufInserter: 'packages/stores/src/clickhouse/protobuf-inserter.ts',
  accept: 'services/ingest/src/accept/accept.ts',
  writer: 'services/ingest/src/writer/writer.ts',
  insertBatch: 'services/ingest/src/writer/insert-batch.ts',
  shardWriter: 'services/ingest/src/writer/shard-writer.ts',
};

const failpoints: readonly Swap[] = [
  { original: modules.publisher, replacement: './failpoints/publisher.ts' },
  { original: modules.accept, replacement: './failpoints/accept.ts' },
  { original: modules.writer, replacement: './failpoints/writer.ts' },
];

const mutants: Readonly<Record<Mutant, Swap>> = {
  'mark-before-publish': { original: modules.accept, replacement: '../mutants/mark-before-publish.ts' },
  'ack-before-insert': { original: modules.insertBatch, replacement: '../mutants/ack-before-insert.ts' },
  'position-before-insert': {
    original: modules.shardWriter,
    replacement: '../mutants/position-before-insert.ts',
  },
  'no-token': { original: modules.protobufInserter, replacement: '../mutants/no-token.ts' },
};

interface Swap {
  /** From the repository's root. */
  readonly original: string;
  /** From this folder. */
  readonly replacement: string;
}

/** The replacements of each module by its URL, outermost first. */
export function moduleSwaps(mutant: string | undefined): ReadonlyMap<string, readonly string[]> {
  const planted = mutant === undefined ? [] : [mutants[parseMutant(mutant)]];
  const chains = new Map<string, string[]>();
  for (const { original, replacement } of [...failpoints, ...planted]) {
    const url = new URL(`../../../${original}`, import.meta.url).href;
    const chain = chains.get(url) ?? [];
    chain.push(new URL(replacement, import.meta.url).href);
    chains.set(url, chain);
  }
  return chains;
}

function parseMutant(name: string): Mutant {
  switch (name) {
    case 'mark-before-publish':
    case 'ack-before-insert':
    case 'position-before-insert':
    case 'no-token':
      return name;
    default:
      throw new Error(`there is no mutant ${name}`);
  }
}
