import type { Mutant } from '../service/module-swaps.ts';
import type { Fault, Setup } from './fault.ts';
import { splitWithRedis, standalone, standaloneWithRedis } from './fault.ts';
import { dieAt, killAtPoints } from './kills.ts';
import { lateInsert } from './late-insert.ts';
import { natsClusterStrand } from './nats-cluster.ts';

/** A planted bug, and the fault that must bring it to light. */
export interface MutantHunt {
  readonly mutant: Mutant;
  readonly fault: Fault;
  readonly setups: readonly [Setup, ...Setup[]];
}

const dieBeforePublish: Fault = {
  ...killAtPoints,
  name: 'kill-before-publish',
  // A publication may hold nothing but events without an id, whose retry no mark can swallow.
  async inject(context) {
    for (let kills = 0; kills < 5; kills++) await dieAt(context, 'before-publish');
  },
};
const dieBeforeInsert: Fault = {
  ...killAtPoints,
  name: 'kill-before-insert',
  inject: (context) => dieAt(context, 'before-insert'),
};

/** Every bug that the harness claims to find. */
export const mutantHunts: readonly MutantHunt[] = [
  // The mark must outlive the process that made it, so there is a Redis.
  { mutant: 'mark-before-publish', fault: dieBeforePublish, setups: [standaloneWithRedis, splitWithRedis] },
  { mutant: 'ack-before-insert', fault: dieBeforeInsert, setups: [standalone, splitWithRedis] },
  { mutant: 'position-before-insert', fault: dieBeforeInsert, setups: [standalone, splitWithRedis] },
  { mutant: 'no-token', fault: lateInsert, setups: [standalone, splitWithRedis] },
  { mutant: 'mark-before-publish', fault: natsClusterStrand, setups: [standalone] },
];
