import { spawnSync } from 'node:child_process';
import { createInterface } from 'node:readline/promises';

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
  { program: 'perl', debianPackage: 'perl', why: 'the example that verifies webhooks in Perl' },
  { program: 'chromium', debianPackage: 'chromium', why: 'pages that call the API' },
];

/**
 * Installs what the tests need and the machine lacks, as root or with sudo: unasked where `CI` is set, and after a yes
 * at a terminal. Anywhere else, and where it isn't possible, it throws with the command to run.
 */
export async function installPrerequisites(env: NodeJS.ProcessEnv = process.env): Promise<void> {
  const missing = prerequisites.filter(({ program }) => !isOnPath(program));
  if (missing.length === 0) return;
  const packages = missing.map(({ debianPackage }) => debianPackage);
  if (!(await mayInstall(packages, env))) throw new Error(describe(missing));
  process.stdout.write(`installing ${packages.join(', ')}\n`);
  const sudo = process.getuid?.() === 0 ? [] : ['sudo', '-n'];
  const apt = (...args: string[]) => succeeds([...sudo, 'apt-get', ...args]);
  const installed =
    apt('update', '-qq') && apt('install', '-y', '-qq', '--no-install-recommends', ...packages);
  const stillMissing = missing.filter(({ program }) => !isOnPath(program));
  if (installed && stillMissing.length === 0) return;
  throw new Error(describe(stillMissing.length === 0 ? missing : stillMissing));
}

async function mayInstall(packages: readonly string[], env: NodeJS.ProcessEnv): Promise<boolean> {
  if (env['CI'] !== undefined && env['CI'] !== '' && env['CI'] !== 'false') return true;
  if (!process.stdin.isTTY || !process.stdout.isTTY) return false;
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  const answer = await terminal.question(
    `the tests need ${packages.join(', ')}; install with apt-get? [y/N] `,
  );
  terminal.close();
  return /^y(es)?$/i.test(answer.trim());
}

function describe(missing: readonly Prerequisite[]): string {
  const reasons = missing.map(({ program, why }) => `  ${program}: for ${why}`);
  const packages = missing.map(({ debianPackage }) => debianPackage);
  return `these programs are missing:\n${reasons.join('\n')}\nrun: apt-get install ${packages.join(' ')}`;
}

function isOnPath(program: string): boolean {
  return succeeds(['sh', '-c', `command -v ${program}`]);
}

function succeeds([program = '', ...args]: readonly string[]): boolean {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  return spawnSync(program, args, { stdio: ['ignore', 'ignore', 'inherit'], env }).status === 0;
}
