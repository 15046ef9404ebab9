import type { Topology } from '@millrace/testkit';
import type { HttpClient } from '../client/http-client.ts';
import type { Ledger } from '../client/ledger.ts';
import type { LoadKind } from '../client/steady-load.ts';
import type { NatsCluster } from '../stack/nats-cluster.ts';
import type { RestartingRedis } from '../stack/restarting-redis.ts';
import type { StackUnderTest } from '../stack/stack-under-test.ts';

/** What a fault has at hand. */
export interface FaultContext {
  readonly stack: StackUnderTest;
  readonly redis: RestartingRedis | undefined;
  readonly cluster: NatsCluster | undefined;
  readonly dataDir: string;
  readonly client: HttpClient;
  readonly ledger: Ledger;
  /** From 0. */
  readonly round: number;
  readonly rounds: number;
  /** A number of this run that no other has. */
  readonly prefix: string;
}

/** Where a fault is tried. */
export interface Setup {
  readonly topology: Topology;
  readonly redis: boolean;
}

/** Something that goes wrong under load, and what must be true of it beside the invariant. */
export interface Fault {
  readonly name: string;
  readonly setups: readonly Setup[];
  /** Does the harm once, and takes it back where it does not pass by itself. */
  inject(context: FaultContext): Promise<void>;
  /** Before the stack starts; returns what takes it back. */
  prepare?(dataDir: string): Promise<() => Promise<void>>;
  /** Settings of the services. */
  readonly env?: Readonly<Record<string, string>>;
  readonly extraWriters?: number;
  /** Default is a steady load of every dialect while it is injected. */
  readonly load?: LoadKind | 'none';
  /** The services get three NATS nodes and keep everything on each of them; default is the stack's one. */
  readonly natsCluster?: boolean;
  /** Whether events are delivered to endpoints as well. */
  readonly hasDeliveries?: boolean;
  /** Whether a connection that ends before its answer is a failure. */
  readonly forbidsResets?: boolean;
  /** Items that end as dead letters in each round. */
  readonly deadLettersPerRound?: number;
}

/** What a run found. */
export interface FaultOutcome {
  readonly fault: string;
  readonly topology: Topology;
  readonly redis: boolean;
  readonly rounds: number;
  readonly sent: number;
  readonly accepted: number;
  readonly unknown: number;
  readonly rows: number;
  readonly lost: number;
  readonly doubled: number;
  readonly longestMs: number;
  /** The longest time in which nothing was accepted; undefined without a steady load. */
  readonly outageMs: number | undefined;
  /** The longest time from the end of an injection to an accepted request that began after it. */
  readonly recoveryMs: number | undefined;
  /** From the end of the load until all of it is stored. */
  readonly drainMs: number;
  /** Calls to endpoints, and those beyond one for each event; undefined where none were made. */
  readonly calls: { readonly all: number; readonly repeated: number } | undefined;
  /** Why the run failed; empty when it did not. */
  readonly problems: readonly string[];
}

/** One process, which knows ids from its memory. */
export const standalone: Setup = { topology: 'standalone', redis: false };

/** One process beside a Redis. */
export const standaloneWithRedis: Setup = { topology: 'standalone', redis: true };

/** Several processes, each with its own memory only. */
export const split: Setup = { topology: 'split', redis: false };

/** Several processes that share a Redis. */
export const splitWithRedis: Setup = { topology: 'split', redis: true };

/** Each topology, with Redis and without. */
export const everySetup: readonly Setup[] = [standalone, standaloneWithRedis, split, splitWithRedis];
