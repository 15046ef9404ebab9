import { join } from 'node:path';
import { type NatsServer, natsUser, pickFreePort, startNatsServer } from '@millrace/embedded';
import { eventually } from '@millrace/testkit';
import { connect, type JetStreamManager, type StreamInfo } from 'nats';
import { startTcpProxy, type TcpProxy } from '../proxy/tcp-proxy.ts';

/** How many nodes a cluster has, and so how many copies of everything. */
export const clusterSize = 3;

/** What the services need to be let in, with the name of the embedded stack's user. */
export const clusterPassword = 'the-password-of-three-nodes';

const clusterName = 'millrace-faults';
const askTimeoutMs = 2_000;
const leaderTimeoutMs = 20_000;
const wholeTimeoutMs = 60_000;

/** A nats-server of a cluster; it stays down until it is started again. */
export interface NatsNode {
  /** Between the services and this node; its own clients are sent here too when it tells them who else there is. */
  readonly proxy: TcpProxy;
  readonly isRunning: boolean;
  signal(signal: 'SIGSTOP' | 'SIGCONT'): void;
  /** SIGKILL; resolves when it is gone. */
  kill(): Promise<void>;
  /** On the data and the ports that it had. */
  start(): Promise<void>;
}

/** Three nats-servers that keep everything three times. */
export interface NatsCluster {
  /** Every node, as the services are given them. */
  readonly url: string;
  readonly nodes: readonly NatsNode[];
  leaderOf(stream: string): Promise<NatsNode>;
  /** The node that decides where streams live. */
  metaLeader(): Promise<NatsNode>;
  /** Starts what is down and resolves when each stream has three copies that are all up to date. */
  untilWhole(): Promise<void>;
  /** Leaves the services no node but one; without an argument each proxy leads to its own again. */
  leadOnlyTo(node?: NatsNode): void;
  stop(): Promise<void>;
}

interface Member extends NatsNode {
  readonly port: number;
  /** As it is, or was when it ran last. */
  readonly server: NatsServer;
}

/** Starts the nodes on directories of their own and resolves when they have elected a leader. */
export async function startNatsCluster(dataDir: string): Promise<NatsCluster> {
  const memberPorts = await Promise.all(Array.from({ length: clusterSize }, pickFreePort));
  const members = await Promise.all(
    memberPorts.map((port, place) => startMember(join(dataDir, `nats-${place + 1}`), port, memberPorts)),
  );
  const named = (name: string | undefined): Member => {
    const found = members.find(({ server }) => server.serverName === name);
    if (found?.isRunning !== true)
      throw new Error(`the leader is ${name ?? 'not elected'}, which does not run`);
    return found;
  };
  const metaLeader = () =>
    eventually(async () => named(await metaLeaderName(running(members))), { timeoutMs: leaderTimeoutMs });
  await metaLeader();
  return {
    url: members.map(({ proxy }) => `nats://127.0.0.1:${proxy.port}`).join(','),
    nodes: members,
    metaLeader,
    leaderOf: (stream) =>
      eventually(
        () => ask(members, async (manager) => named((await manager.streams.info(stream)).cluster?.leader)),
        { timeoutMs: leaderTimeoutMs },
      ),
    async untilWhole() {
      for (const member of members) if (!member.isRunning) await member.start();
      await eventually(
        async () => {
          const streams = await ask(members, (manager) => manager.streams.list().next());
          const lacking = streams.flatMap(lacksCopies);
          if (streams.length === 0) throw new Error('there are no streams yet');
          if (lacking.length > 0) throw new Error(`not ${clusterSize} copies: ${lacking.join('; ')}`);
        },
        { timeoutMs: wholeTimeoutMs, intervalMs: 200 },
      );
    },
    leadOnlyTo(node) {
      const only = members.find((member) => member === node);
      for (const { proxy, port } of members) {
        proxy.setTarget(only?.port ?? port);
        proxy.reset();
      }
    },
    async stop() {
      await Promise.all(members.map((member) => member.kill()));
      await Promise.all(members.map(({ proxy }) => proxy.close()));
    },
  };
}

async function startMember(
  dataDir: string,
  memberPort: number,
  memberPorts: readonly number[],
): Promise<Member> {
  const port = await pickFreePort();
  const proxy = await startTcpProxy(await pickFreePort());
  proxy.setTarget(port);
  const cluster = { name: clusterName, port: memberPort, memberPorts, advertisedPort: proxy.port };
  const launch = () => startNatsServer({ dataDir, port, cluster, password: clusterPassword });
  let server = await launch();
  let isRunning = true;
  return {
    port,
    proxy,
    get server() {
      return server;
    },
    get isRunning() {
      return isRunning;
    },
    signal: (signal) => void process.kill(server.pid, signal),
    async kill() {
      isRunning = false;
      await server.kill();
    },
    async start() {
      server = await launch();
      isRunning = true;
    },
  };
}

/** What a stream or bucket lacks of its copies; nothing when all are there and up to date. */
function lacksCopies({ config, cluster }: StreamInfo): string[] {
  const current = cluster?.replicas?.filter((replica) => replica.current).length ?? 0;
  const isWhole = config.num_replicas === clusterSize && current === clusterSize - 1;
  return isWhole
    ? []
    : [`${config.name} is configured for ${config.num_replicas} and has ${current} followers up to date`];
}

function running(members: readonly Member[]): Member {
  const found = members.find(({ isRunning }) => isRunning);
  if (found === undefined) throw new Error('no node runs');
  return found;
}

/** Asks whichever node answers, past the proxies. */
async function ask<T>(
  members: readonly Member[],
  question: (manager: JetStreamManager) => Promise<T>,
): Promise<T> {
  const servers = members.flatMap(({ isRunning, port }) => (isRunning ? [`127.0.0.1:${port}`] : []));
  const connection = await connect({
    servers,
    user: natsUser,
    pass: clusterPassword,
    reconnect: false,
    timeout: askTimeoutMs,
  });
  try {
    return await question(await connection.jetstreamManager({ timeout: askTimeoutMs, checkAPI: false }));
  } finally {
    await connection.close();
  }
}

async function metaLeaderName({ server }: Member): Promise<string | undefined> {
  const response = await fetch(`${server.monitorUrl}/jsz`, { signal: AbortSignal.timeout(askTimeoutMs) });
  const state: unknown = await response.json();
  if (typeof state !== 'object' || state === null || !('meta_cluster' in state)) return undefined;
  const { meta_cluster: meta } = state;
  return typeof meta === 'object' && meta !== null && 'leader' in meta ? String(meta.leader) : undefined;
}
