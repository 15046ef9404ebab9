import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';

/**
 * Makes what is made from something else: the contracts from `proto/`, the page of settings from the schemas.
 * With `--check` it exits 1 when something isn't current. With `--release` it also takes the contracts as they are for
 * released: from then on `buf breaking` holds every change against them. Done once, with a release's commit.
 */
const CONFIGURATION = 'docs/configuration.md';
const CONTRACTS = 'packages/contracts/gen';
const RELEASED = 'proto/baseline.binpb';
const EVENT_PROTO = 'proto/millrace/event/v1/event.proto';

process.chdir(new URL('..', import.meta.url).pathname);
if (process.argv.includes('--check')) await check();
else {
  generateContracts();
  writeFileSync(CONFIGURATION, await configurationPage());
  if (process.argv.includes('--release')) run('node_modules/.bin/buf', ['build', '-o', RELEASED]);
}

function generateContracts(): void {
  run('node_modules/.bin/buf', ['generate']);
  for (const { path, text } of eventProtoModule()) writeFileSync(`${CONTRACTS}/${path}`, text);
}

/** Loaded when the contracts are there: the settings' modules import them. */
async function configurationPage(): Promise<string> {
  const page = await import('./generate-parts/configuration-page.ts');
  return page.configurationPage();
}

async function check(): Promise<void> {
  const stale: string[] = [];
  const before = run('git', ['hash-object', '--stdin-paths'], contractFiles());
  generateContracts();
  if (run('git', ['hash-object', '--stdin-paths'], contractFiles()) !== before) stale.push(CONTRACTS);
  if (readFileSync(CONFIGURATION, 'utf8') !== (await configurationPage())) stale.push(CONFIGURATION);
  if (stale.length === 0) return;
  process.stderr.write(`not current: ${stale.join(', ')}; run pnpm generate\n`);
  process.exitCode = 1;
}

function contractFiles(): string {
  return run('git', ['ls-files', '--cached', '--others', '--exclude-standard', CONTRACTS]);
}

function run(program: string, args: readonly string[], input = ''): string {
  const done = spawnSync(program, args, { encoding: 'utf8', input });
  if (done.status !== 0)
    throw new Error(`${program} ${args.join(' ')} failed:\n${done.stderr}${done.error ?? ''}`);
  return done.stdout;
}

/** The module that holds the contract which ClickHouse is given with every insert, for `packages/contracts/gen`. */
function eventProtoModule(): readonly { path: string; text: string }[] {
  const proto = readFileSync(EVENT_PROTO, 'utf8')
    .replace(/\/\/.*$/gm, '')
    .replace(/\s+/g, ' ')
    .trim();
  const note = `// @generated from ${EVENT_PROTO}`;
  return [
    { path: 'event-proto.js', text: `${note}\nexport const EVENT_PROTO = ${JSON.stringify(proto)};\n` },
    {
      path: 'event-proto.d.ts',
      text: `${note}\n/** The text of \`millrace.event.v1\`, without its comments. */\nexport declare const EVENT_PROTO: string;\n`,
    },
  ];
}
