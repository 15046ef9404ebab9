import { deliveryFaults } from './deliveries.ts';
import { clickHouseDiskFull, natsDiskFull } from './disk-full.ts';
import { duplicateStorm } from './duplicate-storm.ts';
import type { Fault } from './fault.ts';
import {
  killAfterParking,
  killAtPoints,
  killProcesses,
  killRedis,
  killTree,
  redisFlush,
  rollingRestart,
} from './kills.ts';
import { lateInsert, lateInsertOfPaused } from './late-insert.ts';
import { natsClusterFaults } from './nats-cluster.ts';
import { networkFaults } from './network.ts';
import { pauses } from './pauses.ts';

/** The matrix. */
export const allFaults: readonly Fault[] = [
  ...killProcesses,
  killRedis,
  killTree,
  killAtPoints,
  killAfterParking,
  ...pauses,
  ...networkFaults,
  ...natsClusterFaults,
  ...deliveryFaults,
  lateInsert,
  lateInsertOfPaused,
  redisFlush,
  natsDiskFull,
  clickHouseDiskFull,
  duplicateStorm(10_000, 100),
  rollingRestart,
];
