import { join } from 'node:path';
import {
  pickFreePort,
  planSplit,
  planStandalone,
  type ServicePlanner,
  type ServiceSpec,
} from '@millrace/embedded';
import type { CorePlan } from '../machine/core-plan.ts';
import type { Cores } from '../machine/pinned-process.ts';

/** How the services of a measured stack are spread over processes. */
export interface Topology {
  /** For the reader of the figures. */
  readonly description: string;
  readonly split: boolean;
  readonly plan: ServicePlanner;
  /** The process that is measured. */
  readonly server: string;
  /** Where each process runs. */
  readonly coresOf: (processName: string, cores: CorePlan) => Cores;
}

const MAIN_OF = (service: string) => join(import.meta.dirname, '../../../services', service, 'src/main.ts');

const ROLES_BUT_WRITER = 'edge,auth,accept,analytics';

/** Every role in one process, as `scripts/up` starts it. */
export const wholeInOne: Topology = {
  description: 'every role in one process',
  split: false,
  plan: planStandalone,
  server: 'standalone',
  coresOf: (name, cores) => {
    if (name === 'standalone') return cores.server;
    return name === 'nats-server' ? cores.nats : cores.clickHouse;
  },
};

/** The writer as a process of its own, beside ClickHouse; the rest in one. */
export const writerApart: Topology = {
  ...wholeInOne,
  description: 'edge, auth and accept in one process, the writer in another',
  plan: async (options) => {
    const [standalone, ...others] = await planStandalone(options);
    if (standalone === undefined) throw new Error('a standalone stack has no service');
    const withoutWriter = { ...standalone, env: { ...standalone.env, MILLRACE_ROLES: ROLES_BUT_WRITER } };
    return [withoutWriter, ...others, await planWriter()];
  },
};

/** Nothing writes to ClickHouse: what is accepted stays in the stream. */
export const withoutWriter: Topology = {
  ...writerApart,
  description: 'edge, auth and accept in one process, no writer',
  plan: async (options) => (await writerApart.plan(options)).filter((spec) => spec.name !== 'ingest-writer'),
};

/** Every service in a process of its own, as `scripts/up --split` starts it. */
export const split: Topology = {
  description: 'every service in a process of its own',
  split: true,
  plan: planSplit,
  server: 'edge',
  coresOf: (name, cores) => {
    if (name === 'edge') return cores.server;
    const isStorage = name === 'clickhouse' || name === 'ingest-writer' || name === 'analytics';
    return isStorage ? cores.clickHouse : cores.nats;
  },
};

/** As `split`, for the process that delivers; what events pass on their way to it shares a core. */
export const webhookApart: Topology = {
  ...split,
  server: 'webhook',
  coresOf: (name, cores) => {
    if (name === 'webhook') return cores.server;
    return name === 'edge' ? cores.nats : split.coresOf(name, cores);
  },
};

async function planWriter(): Promise<ServiceSpec> {
  return {
    name: 'ingest-writer',
    entry: MAIN_OF('ingest'),
    adminPort: await pickFreePort(),
    env: { INGEST_ROLE: 'writer' },
  };
}
