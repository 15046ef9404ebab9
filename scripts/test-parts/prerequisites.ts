import { spawnSync } from 'node:child_process';

/** A program that some part of the tests runs, and Debian's package of it. */
interface Prerequisite {
  readonly program: string;
  readonly debianPackage: string;
  readonly why: string;
}

const prerequisites: readonly Prerequisite[] = [
  { program: 'redis-server', debianPackage: 'redis-server', why: 'the tests with Redis' },
  { program: 'openssl', debianPackage: 'openssl', why: 'certificates of the tests with TLS' },
  { program: 'git', debianPackage: 'git', why: 'holding the contracts against those before' },
  { program: 'go', debianPackage: 'golang-go', why: 'the Go client and grpcurl' },
  { program: 'python3', debianPackage: 'python3', why: 'the Python client' },
  { program: 'curl', debianPackage: 'curl', why: 'pasting the printed command' },
];

/**
 * Installs what the tests need and the machine lacks, as root or with sudo; throws with the command to run where that
 * isn't possible.
 */
export function installPrerequisites(): void {
  const missing = prerequisites.filter(({ program }) => !isOnPath(program));
  if (missing.length === 0) return;
  const packages = missing.map(({ debianPackage }) => debianPackage);
  process.stdout.write(`installing ${packages.join(', ')}\n`);
  const sudo = process.getuid?.() === 0 ? [] : ['sudo', '-n'];
  const apt = (...args: string[]) => succeeds([...sudo, 'apt-get', ...args]);
  const installed =
    apt('update', '-qq') && apt('install', '-y', '-qq', '--no-install-recommends', ...packages);
  const stillMissing = missing.filter(({ program }) => !isOnPath(program));
  if (installed && stillMissing.length === 0) return;
  const reasons = stillMissing.map(({ program, why }) => `  ${program}: for ${why}`);
  throw new Error(
    `these programs are missing:\n${reasons.join('\n')}\nrun: apt-get install ${packages.join(' ')}`,
  );
}

function isOnPath(program: string): boolean {
  return succeeds(['sh', '-c', `command -v ${program}`]);
}

function succeeds([program = '', ...args]: readonly string[]): boolean {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  return spawnSync(program, args, { stdio: ['ignore', 'ignore', 'inherit'], env }).status === 0;
}
