import {
  pickFreePort,
  planSplit,
  planStandalone,
  type ServicePlanner,
  type ServiceSpec,
  startStack,
} from '@millrace/embedded';
import { hermeticEnvironment } from '@millrace/testkit';
import type { StackProcessOptions, StackReport } from './stack-under-test.ts';

// The supervisor of a stack under test, in a process of its own so that it can be killed with all it started.
const serviceEntry = new URL('../service/main.ts', import.meta.url).pathname;
// The harness wrote it, from a value of this type.
const options = JSON.parse(process.argv[2] ?? '') as StackProcessOptions;

await main();

async function main(): Promise<void> {
  // A supervisor that outlives the harness would keep a data directory and its ports.
  process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'));
  try {
    const stack = await startStack({
      ...options,
      services: planUnderTest,
      env: hermeticEnvironment({ LOG_LEVEL: 'info' }),
      log: (line) => report({ kind: 'log', line }),
    });
    process.on('message', () => void stack.stop().then(() => process.exit(0)));
    report({ kind: 'ready', connection: stack.connection });
  } catch (error) {
    report({ kind: 'failed', reason: error instanceof Error ? error.message : String(error) });
    process.exit(1);
  }
}

async function planUnderTest(...[addresses]: Parameters<ServicePlanner>): Promise<ServiceSpec[]> {
  report({ kind: 'addresses', ...storePorts(addresses) });
  const specs = await (options.split ? planSplit : planStandalone)(addresses);
  const writer = specs.find(({ name }) => name === 'ingest-writer');
  for (let number = 2; writer !== undefined && number <= options.extraWriters + 1; number++) {
    const env = { ...writer.env, GRPC_PORT: String(await pickFreePort()) };
    specs.push({ ...writer, name: `ingest-writer-${number}`, adminPort: await pickFreePort(), env });
  }
  return specs.map((spec) => ({
    ...spec,
    entry: serviceEntry,
    env: { ...spec.env, ...options.serviceEnv, MILLRACE_FAULT_MAIN: spec.entry },
  }));
}

/** The planner is told where the stores will listen, beyond what its type promises. */
function storePorts(addresses: object): { natsPort: number; clickHousePort: number } {
  if (
    'natsPort' in addresses &&
    typeof addresses.natsPort === 'number' &&
    'clickHousePort' in addresses &&
    typeof addresses.clickHousePort === 'number'
  ) {
    return { natsPort: addresses.natsPort, clickHousePort: addresses.clickHousePort };
  }
  throw new Error('the planner is no longer told where the stores listen');
}

function report(message: StackReport): void {
  process.send?.(message);
}
