import { startStack } from '../src/stack.ts';
import { planFakeService } from './fake-plan.ts';

// A supervisor in a process of its own, for tests that kill it.
const [dataDir = '', path] = process.argv.slice(2);
const env = path === undefined ? process.env : { ...process.env, PATH: path };
const stack = await startStack({
  dataDir,
  port: 0,
  adminPort: 0,
  env,
  services: planFakeService,
  log: () => undefined,
});
process.on('SIGTERM', () => void stack.stop().then(() => process.exit(0)));
process.send?.('ready');
