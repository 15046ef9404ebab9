import { exitOnConfigError, runService } from '@millrace/runtime';
import { createStandalone } from './app.ts';
import { standaloneConfig } from './config.ts';

const config = exitOnConfigError(standaloneConfig);

await runService({
  name: 'standalone',
  config,
  conditions: ['nats', 'listening'],
  start: (context) => createStandalone({ config, ...context }),
});
