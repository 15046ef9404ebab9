import { describe } from 'node:test';
import { deliveryFault } from './matrix/deliveries.ts';
import { duplicateStorm } from './matrix/duplicate-storm.ts';
import { split, splitWithRedis, standalone } from './matrix/fault.ts';
import { killAtPoints, killTree } from './matrix/kills.ts';
import { killOf, testFault } from './matrix/test-round.ts';

// A few of the matrix that `scripts/faults` runs whole: with `short-round-stores.test.ts` they touch every process and
// every crash window.
describe('every accepted event is stored exactly once, whatever happens to a service', () => {
  testFault(killAtPoints, standalone);
  testFault(killTree, standalone);
  testFault(killTree, splitWithRedis);
  testFault(killOf('ingest-accept'), splitWithRedis);
  testFault(killOf('ingest-writer'), splitWithRedis);
  testFault(deliveryFault('kill-webhook'), split);
  testFault(duplicateStorm(1_000, 40), splitWithRedis);
});
