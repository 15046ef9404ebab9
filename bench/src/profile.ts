import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';

const REPOSITORY = join(import.meta.dirname, '../..');

/** Time that a function used itself, without what it called. */
export interface SelfTime {
  readonly function: string;
  readonly place: string;
  /** Of the time in which the process did something, 0 to 1. */
  readonly share: number;
}

interface ProfileNode {
  readonly id: number;
  readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number };
}

interface CpuProfile {
  readonly nodes: readonly ProfileNode[];
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

/** Flags with which Node leaves a profile of the whole run when it ends; undefined when none is wanted. */
export function profileFlags(directory: string | undefined, name: string): string[] | undefined {
  if (directory === undefined) return undefined;
  return ['--cpu-prof', `--cpu-prof-dir=${join(directory, name)}`, '--cpu-prof-interval=500'];
}

/** The functions that used most time themselves, of the profile that a process left in a directory. */
export function topSelfTimes(directory: string, name: string, count: number): SelfTime[] {
  const folder = join(directory, name);
  const [file] = readdirSync(folder).filter((entry) => entry.endsWith('.cpuprofile'));
  if (file === undefined) throw new Error(`${folder} has no profile: the process did not end in order`);
  // Written by Node in the format of the DevTools protocol.
  const profile = JSON.parse(readFileSync(join(folder, file), 'utf8')) as CpuProfile;
  return selfTimes(profile).slice(0, count);
}

/** Sums a profile's samples up by function, the largest first. */
export function selfTimes(profile: CpuProfile): SelfTime[] {
  const frames = new Map(profile.nodes.map(({ id, callFrame }) => [id, callFrame]));
  const micros = new Map<string, number>();
  let busy = 0;
  for (const [i, id] of profile.samples.entries()) {
    const frame = frames.get(id);
    const delta = profile.timeDeltas[i] ?? 0;
    if (frame === undefined || frame.functionName === '(idle)') continue;
    const key = `${frame.functionName || '(anonymous)'}\n${placeOf(frame)}`;
    micros.set(key, (micros.get(key) ?? 0) + delta);
    busy += delta;
  }
  return [...micros]
    .toSorted(([, a], [, b]) => b - a)
    .map(([key, time]) => {
      const [name = '', place = ''] = key.split('\n');
      return { function: name, place, share: time / busy };
    });
}

function placeOf({ url, lineNumber }: ProfileNode['callFrame']): string {
  if (url === '') return 'native';
  const path = url.startsWith('file://') ? relative(REPOSITORY, new URL(url).pathname) : url;
  return `${path}:${lineNumber + 1}`;
}
