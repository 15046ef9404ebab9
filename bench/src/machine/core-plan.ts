import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { type Cores, canPin } from './pinned-process.ts';

/** Which cores each part of a measurement runs on. */
export interface CorePlan {
  /** The server under test, or the raw limit it is compared with. */
  readonly server: Cores;
  readonly nats: Cores;
  readonly load: Cores;
  readonly clickHouse: Cores;
  /** What the reader of the figures must know: which parts share a core. */
  readonly notes: readonly string[];
}

/** Assigns the cores that this process may use. */
export async function planCoresHere(): Promise<CorePlan> {
  return planCores(allowedCores(), await canPin());
}

/** Gives the server a core of its own as long as there are two, and the others theirs as far as cores go. */
export function planCores(cores: readonly number[], isPinnable: boolean): CorePlan {
  const all = cores.join(',');
  if (!isPinnable) {
    const notes = [
      'taskset is missing (Debian: util-linux): nothing is pinned, and the parts disturb each other',
    ];
    return { server: undefined, nats: undefined, load: undefined, clickHouse: undefined, notes };
  }
  const [first, second, third, ...rest] = cores.map(String);
  if (second === undefined) {
    const notes = ['one core: everything shares it, so the ratio says little'];
    return { server: all, nats: all, load: all, clickHouse: all, notes };
  }
  if (third === undefined) {
    const notes = ['two cores: nats-server, the load generator and ClickHouse share one'];
    return { server: first, nats: second, load: second, clickHouse: second, notes };
  }
  if (rest.length === 0) {
    const notes = ['three cores: the load generator and ClickHouse share one'];
    return { server: first, nats: second, load: third, clickHouse: third, notes };
  }
  return { server: first, nats: second, load: third, clickHouse: rest.join(','), notes: [] };
}

function allowedCores(): number[] {
  try {
    const list = /^Cpus_allowed_list:\s*(\S+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1];
    if (list !== undefined) return parseCoreList(list);
  } catch {
    // No Linux: the number of cores is all there is to know.
  }
  return Array.from({ length: availableParallelism() }, (_, core) => core);
}

/** Reads a list as the kernel writes it: `0-2,5`. */
export function parseCoreList(list: string): number[] {
  return list.split(',').flatMap((range) => {
    const [from = 0, to = from] = range.split('-').map(Number);
    return Array.from({ length: to - from + 1 }, (_, i) => from + i);
  });
}
