import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { FaultContext } from './fault.ts';

const started = /"time":"([^"]+)".*"msg":"writing from here"/g;

/** The process that owns the shard: of several writers the last one that said it begins to write. */
export function writerAtWork({ stack, dataDir }: Pick<FaultContext, 'stack' | 'dataDir'>): string {
  const names = stack
    .connection()
    .processes.flatMap(({ name }) => (/writer|standalone/.test(name) ? [name] : []));
  const begun = names.map((name) => ({ name, at: lastStart(join(dataDir, 'logs', `${name}.log`)) }));
  const newest = begun.sort((a, b) => b.at.localeCompare(a.at))[0];
  if (newest === undefined || newest.at === '') throw new Error('no process has begun to write');
  return newest.name;
}

function lastStart(logFile: string): string {
  const times = [...readFileSync(logFile, 'utf8').matchAll(started)].map(([, time]) => time ?? '');
  return times.at(-1) ?? '';
}
