import type { EventIds } from '../load/generator.ts';
import { split, type Topology, wholeInOne, writerApart } from '../stack/topologies.ts';

/** A load on an ingest route, and what it is compared with. */
export interface HttpScenario {
  readonly name: string;
  readonly title: string;
  readonly topology: Topology;
  readonly syncAlways: boolean;
  readonly connections: number;
  readonly batchSize: number;
  readonly ids: EventIds;
  /** The figure to reach, and of what. */
  readonly aim: { readonly of: 'ratio' | 'events/s'; readonly least: number } | undefined;
}

const single = { connections: 64, batchSize: 1, ids: { kind: 'unique' }, syncAlways: false } as const;

/** The ingest scenarios that compare with a raw node:http server, in the order in which they run. */
export const httpScenarios: readonly HttpScenario[] = [
  {
    ...single,
    name: 'single',
    title: 'durable single POST, standalone with its writer',
    topology: wholeInOne,
    aim: { of: 'ratio', least: 0.75 },
  },
  {
    ...single,
    name: 'single-without-ids',
    title: 'as single, events without an id of the client',
    topology: wholeInOne,
    ids: { kind: 'none' },
    aim: { of: 'ratio', least: 0.75 },
  },
  {
    ...single,
    name: 'single-writer-apart',
    title: 'durable single POST, the writer in a process of its own',
    topology: writerApart,
    aim: undefined,
  },
  {
    ...single,
    name: 'single-sync-always',
    title: 'durable single POST, standalone, each message fsynced',
    topology: wholeInOne,
    syncAlways: true,
    aim: { of: 'ratio', least: 0.6 },
  },
  {
    ...single,
    name: 'split',
    title: 'durable single POST, --split, per edge core',
    topology: split,
    connections: 256,
    aim: { of: 'ratio', least: 0.45 },
  },
  {
    ...single,
    name: 'batch',
    title: 'batches of 100, the writer in a process of its own',
    topology: writerApart,
    connections: 16,
    batchSize: 100,
    aim: { of: 'events/s', least: 160_000 },
  },
];
