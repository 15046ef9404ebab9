import { join } from 'node:path';
import type { ServicePlanner } from '../src/service-process.ts';

/** One process that listens where Millrace's own would. */
export const planFakeService: ServicePlanner = async ({ port, adminPort }) => [
  {
    name: 'fake',
    entry: join(import.meta.dirname, 'fake-service.ts'),
    adminPort,
    env: { PORT: String(port) },
  },
];
