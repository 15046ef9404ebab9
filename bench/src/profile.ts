import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const REPOSITORY = join(import.meta.dirname, '../..');

/** Of the busy time, this much at the beginning is start and warm-up. */
const SKIPPED_SHARE = 0.3;

/** Something's part of the time in which the process was busy, 0 to 1. */
export interface Share {
  readonly what: string;
  readonly share: number;
}

/** Where a process spent its time. */
export interface TimeSpent {
  /** By package or file, without what it called. */
  readonly modules: readonly Share[];
  /** By function, without what it called. */
  readonly functions: readonly Share[];
  /** By function of this repository, with everything it called. */
  readonly inclusive: readonly Share[];
}

interface CallFrame {
  readonly functionName: string;
  readonly url: string;
  readonly lineNumber: number;
}

interface ProfileNode {
  readonly id: number;
  readonly callFrame: CallFrame;
  readonly children?: readonly number[];
}

/** A profile in the format of the DevTools protocol. */
export interface CpuProfile {
  readonly nodes: readonly ProfileNode[];
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

/** Flags with which Node leaves a profile of the whole run when it ends; undefined when none is wanted. */
export function profileFlags(directory: string | undefined, name: string): string[] | undefined {
  if (directory === undefined) return undefined;
  return ['--cpu-prof', `--cpu-prof-dir=${join(directory, name)}`, '--cpu-prof-interval=500'];
}

/** Reads the profile that a process left in a directory. Throws when there is none. */
export function readTimeSpent(directory: string, name: string): TimeSpent {
  const folder = join(directory, name);
  const [file] = readdirSync(folder).filter((entry) => entry.endsWith('.cpuprofile'));
  if (file === undefined) throw new Error(`${folder} has no profile: the process did not end in order`);
  // Written by Node itself.
  return sumUp(JSON.parse(readFileSync(join(folder, file), 'utf8')) as CpuProfile);
}

/** Sums a profile's samples up, the largest first; what the process did at the start is left out. */
export function sumUp(profile: CpuProfile): TimeSpent {
  const frames = new Map(profile.nodes.map(({ id, callFrame }) => [id, callFrame]));
  const parents = new Map(
    profile.nodes.flatMap(({ id, children = [] }) => children.map((child) => [child, id])),
  );
  const selfOf = busyTimeOfNodes(profile, frames);
  const sums = { modules: new Sum(), functions: new Sum(), inclusive: new Sum() };
  let busy = 0;
  for (const [id, micros] of selfOf) {
    const frame = frames.get(id);
    if (frame === undefined) continue;
    busy += micros;
    sums.modules.add(moduleOf(frame), micros);
    sums.functions.add(functionOf(frame), micros);
    // A function that calls itself counts once.
    const callers = new Set<string>();
    for (let at: number | undefined = id; at !== undefined; at = parents.get(at)) {
      const caller = frames.get(at);
      if (caller !== undefined && isOwn(caller)) callers.add(functionOf(caller));
    }
    for (const caller of callers) sums.inclusive.add(caller, micros);
  }
  return {
    modules: sums.modules.shares(busy),
    functions: sums.functions.shares(busy),
    inclusive: sums.inclusive.shares(busy),
  };
}

/** Renders where a process spent its time, a line for each of the largest parts. */
export function formatTimeSpent(spent: TimeSpent): string {
  const lines = (shares: readonly Share[], count: number) =>
    shares
      .slice(0, count)
      .map(({ what, share }) => `  ${(share * 100).toFixed(1).padStart(5)} %  ${what}\n`)
      .join('');
  return [
    `  time of the measured process, idle left out, by module (self):\n${lines(spent.modules, 20)}`,
    `  by function (self):\n${lines(spent.functions, 20)}`,
    `  by function of Millrace (with what it calls):\n${lines(spent.inclusive, 30)}`,
  ].join('');
}

function busyTimeOfNodes(profile: CpuProfile, frames: ReadonlyMap<number, CallFrame>): Map<number, number> {
  const samples = profile.samples
    .map((id, i) => ({ id, micros: profile.timeDeltas[i] ?? 0 }))
    .filter(({ id }) => frames.get(id)?.functionName !== '(idle)');
  let toSkip = samples.reduce((sum, { micros }) => sum + micros, 0) * SKIPPED_SHARE;
  const times = new Map<number, number>();
  for (const { id, micros } of samples) {
    if (toSkip > 0) toSkip -= micros;
    else times.set(id, (times.get(id) ?? 0) + micros);
  }
  return times;
}

class Sum {
  readonly #micros = new Map<string, number>();

  add(what: string, micros: number): void {
    this.#micros.set(what, (this.#micros.get(what) ?? 0) + micros);
  }

  shares(total: number): Share[] {
    return [...this.#micros]
      .toSorted(([, a], [, b]) => b - a)
      .map(([what, micros]) => ({ what, share: micros / total }));
  }
}

function isOwn({ url }: CallFrame): boolean {
  return url.startsWith('file://') && !url.includes('/node_modules/');
}

function functionOf(frame: CallFrame): string {
  const name = frame.functionName || '(anonymous)';
  return frame.url === '' ? name : `${name}  ${moduleOf(frame)}:${frame.lineNumber + 1}`;
}

/** A file of this repository or of Node, a package, or what the engine itself does. */
function moduleOf({ url, functionName }: CallFrame): string {
  if (url === '') return functionName.startsWith('(') ? functionName : '(native)';
  const dependency = /\/node_modules\/(?!\.pnpm\/)((?:@[^/]+\/)?[^/]+)\/(?!.*\/node_modules\/)/.exec(
    url,
  )?.[1];
  if (dependency !== undefined) return dependency;
  return url.startsWith('file://') ? relative(REPOSITORY, fileURLToPath(url)) : url;
}
