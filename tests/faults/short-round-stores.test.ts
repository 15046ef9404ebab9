import { describe } from 'node:test';
import { deliveryFault } from './matrix/deliveries.ts';
import { split, splitWithRedis, standalone, standaloneWithRedis } from './matrix/fault.ts';
import { redisFlush } from './matrix/kills.ts';
import { lateInsert } from './matrix/late-insert.ts';
import { natsClusterInTurn } from './matrix/nats-cluster.ts';
import { killOf, testFault } from './matrix/test-round.ts';

describe('every accepted event is stored exactly once, whatever happens to a store', () => {
  testFault(killOf('nats-server'), splitWithRedis);
  testFault(deliveryFault('kill-clickhouse'), split);
  testFault(lateInsert, standalone);
  testFault(redisFlush, standaloneWithRedis);
  testFault(natsClusterInTurn, split);
});
