import { describe } from 'node:test';
import { mutantHunts } from './matrix/mutants.ts';
import { testHunt } from './matrix/test-round.ts';

describe('a planted bug is caught', () => {
  for (const hunt of mutantHunts) {
    // Three nodes take their time; without them the same bug is caught by another fault.
    if (!hunt.fault.natsCluster) testHunt(hunt);
  }
});
