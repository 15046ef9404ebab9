import { execFileSync } from 'node:child_process';
import { closeSync, mkdirSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { eventually } from '@millrace/testkit';
import type { Fault, FaultContext } from './fault.ts';
import { splitWithRedis, standalone } from './fault.ts';

const fullMs = 8_000;
const recoveryMs = 60_000;
const chunk = Buffer.alloc(64 * 1024, 1);

/** The disk of the stream is full: 503, nothing lost, and all is well once there is room again. */
export const natsDiskFull: Fault = {
  name: 'disk-full-nats',
  setups: [standalone, splitWithRedis],
  env: { STREAM_MAX_BYTES: String(32 * 1024 ** 2) },
  prepare: (dataDir) => mountSmallDisk(join(dataDir, 'nats'), 160),
  async inject(context) {
    const refusedBefore = refusals(context);
    await whileFull(join(context.dataDir, 'nats'));
    if (refusals(context) === refusedBefore) throw new Error('nothing was refused while the disk was full');
  },
};

/** The disk of the events table is full: events are taken on, and stored once there is room again. */
export const clickHouseDiskFull: Fault = {
  name: 'disk-full-clickhouse',
  setups: [standalone, splitWithRedis],
  prepare: (dataDir) => mountSmallDisk(join(dataDir, 'clickhouse'), 512),
  inject: ({ dataDir }) => whileFull(join(dataDir, 'clickhouse')),
};

async function mountSmallDisk(directory: string, mebibytes: number): Promise<() => Promise<void>> {
  if (process.getuid?.() !== 0)
    throw new Error('a full disk is made with a small tmpfs, which only root may mount');
  mkdirSync(directory, { recursive: true });
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${mebibytes}m,mode=0700`, 'millrace-faults', directory]);
  return () =>
    eventually(() => void execFileSync('umount', [directory], { stdio: 'pipe' }), { timeoutMs: recoveryMs });
}

async function whileFull(directory: string): Promise<void> {
  const ballast = join(directory, 'ballast');
  const until = performance.now() + fullMs;
  const file = openSync(ballast, 'w');
  try {
    // Again and again: what the store gives back in the meantime is taken too.
    while (performance.now() < until) {
      fill(file);
      await sleep(50);
    }
  } finally {
    closeSync(file);
    rmSync(ballast);
  }
}

function fill(file: number): void {
  for (;;) {
    try {
      writeSync(file, chunk);
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ENOSPC') return;
      throw error;
    }
  }
}

function refusals({ client }: FaultContext): number {
  return client.outcomes['503'] ?? 0;
}
