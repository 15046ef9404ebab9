import type { Setup } from './fault.ts';

/** One process, which remembers ids in its memory. */
export const standalone: Setup = { topology: 'standalone', redis: false };

/** One process beside a Redis. */
export const standaloneWithRedis: Setup = { topology: 'standalone', redis: true };

/** Several processes, each with its own memory only. */
export const split: Setup = { topology: 'split', redis: false };

/** Several processes that share a Redis. */
export const splitWithRedis: Setup = { topology: 'split', redis: true };

/** Each topology, with Redis and without. */
export const everySetup: readonly Setup[] = [standalone, standaloneWithRedis, split, splitWithRedis];
