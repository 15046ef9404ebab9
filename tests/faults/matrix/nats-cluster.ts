import { randomInt } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Connection } from '@millrace/embedded';
import { eventually, httpCall } from '@millrace/testkit';
import { nativeRequest } from '../client/dialect-requests.ts';
import type { NatsCluster, NatsNode } from '../stack/nats-cluster.ts';
import type { Fault, FaultContext, Setup } from './fault.ts';
import { split, splitWithRedis, standalone } from './fault.ts';
import { kill } from './kills.ts';

const events = 'EVENTS';
const credentials = 'KV_auth-credentials';
const resetsPerRound = 8;

type Harm = (cluster: NatsCluster, context: FaultContext) => Promise<void>;

/** kill -9 of a node, which comes back after a while. */
const killLeader: Harm = (cluster) => killForAWhile(() => cluster.leaderOf(events), 1_500);
const killMetaLeader: Harm = (cluster) => killForAWhile(() => cluster.metaLeader(), 1_500);

/** kill -9 of the leader, which does not come back: two of three go on. */
const loseLeader: Harm = async (cluster) => {
  const leader = await cluster.leaderOf(events);
  await leader.kill();
  await sleep(3_000);
};

/** Two of three are gone, the leader among them, so nothing can be stored until one is back. */
const killTwo: Harm = async (cluster, context) => {
  const leader = await cluster.leaderOf(events);
  const left = cluster.nodes.find((node) => node !== leader);
  await killAllBut(left, cluster, context, 6_000);
};

/** The same, and every service is connected to the node that is left: what it sends goes nowhere. */
const strand: Harm = async (cluster, context) => {
  const leader = await cluster.leaderOf(events);
  const left = cluster.nodes.find((node) => node !== leader);
  cluster.leadOnlyTo(left);
  await sleep(1_500);
  await killAllBut(left, cluster, context, 8_000);
  cluster.leadOnlyTo();
};

/** The leader sleeps while another is elected, and wakes up believing that it still leads. */
const pauseLeader: Harm = async (cluster) => {
  const leader = await cluster.leaderOf(events);
  leader.signal('SIGSTOP');
  await sleep(10_000);
  leader.signal('SIGCONT');
};

const resetConnections: Harm = async (cluster) => {
  for (let count = 0; count < resetsPerRound; count++) {
    for (const { proxy } of cluster.nodes) proxy.reset();
    await sleep(Math.random() * 400);
  }
};

/**
 * A key is revoked while the node that led the credentials is away. That node comes back, and every service is left
 * with it alone, then with each of the others: none may take the key, not even while the node still catches up.
 */
const revokeWhileAway: Harm = async (cluster, context) => {
  const [kept, revoked] = [await issueKey(context), await issueKey(context)];
  for (const { secret } of [kept, revoked]) await untilJudged(context, secret, 'stored');
  const away = await cluster.leaderOf(credentials);
  await away.kill();
  await eventually(() => revokeKey(context, revoked.id), { timeoutMs: 20_000 });
  await untilJudged(context, revoked.secret, 'refused');
  await away.start();
  const keeper = context.stack.connection().mode === 'split' ? 'auth' : 'standalone';
  for (const node of [away, ...cluster.nodes.filter((other) => other !== away)]) {
    cluster.leadOnlyTo(node);
    await kill(context, keeper);
    await presentBoth(context, kept.secret, revoked.secret);
  }
  cluster.leadOnlyTo();
};

/** Publications that reach a server and are never answered: what a planted bug in accept shows under. */
export const natsClusterStrand: Fault = fault('strand', [standalone, split], strand);

/** What happens to three NATS nodes under load. */
export const natsClusterFaults: readonly Fault[] = [
  fault('kill-leader', [standalone, splitWithRedis], killLeader),
  fault('lose-leader', [standalone, splitWithRedis], loseLeader, { env: { STREAM_SHARDS: '4' } }),
  fault('kill-meta-leader', [split], killMetaLeader),
  fault('kill-leader-batches', [standalone], killLeader, { load: 'batches' }),
  fault('kill-two', [standalone, split], killTwo),
  natsClusterStrand,
  fault('pause-leader', [standalone, split], pauseLeader),
  fault('reset', [splitWithRedis], resetConnections),
  fault('revoke-while-away', [standalone, split], revokeWhileAway),
];

/** Most of them one after the other on one cluster; the last leader lost is not given back. */
export const natsClusterInTurn: Fault = fault(
  'in-turn',
  [split],
  async (cluster, context) => {
    for (const harm of [killMetaLeader, killTwo, revokeWhileAway, loseLeader]) {
      await harm(cluster, context);
      if (harm !== loseLeader) await cluster.untilWhole();
    }
  },
  { env: { STREAM_SHARDS: '4' } },
);

function fault(
  name: string,
  setups: readonly Setup[],
  harm: Harm,
  rest: Pick<Fault, 'env' | 'load'> = {},
): Fault {
  return {
    ...rest,
    name: `nats-cluster-${name}`,
    setups,
    natsCluster: true,
    async inject(context) {
      const { cluster } = context;
      if (cluster === undefined) throw new Error('this fault needs a NATS cluster');
      await cluster.untilWhole();
      await harm(cluster, context);
    },
  };
}

async function killForAWhile(choose: () => Promise<NatsNode>, awayMs: number): Promise<void> {
  const node = await choose();
  await node.kill();
  await sleep(awayMs);
  await node.start();
}

async function killAllBut(
  left: NatsNode | undefined,
  cluster: NatsCluster,
  { client }: FaultContext,
  awayMs: number,
): Promise<void> {
  const killed = cluster.nodes.filter((node) => node !== left);
  const refusedBefore = client.outcomes['503'] ?? 0;
  await Promise.all(killed.map((node) => node.kill()));
  await sleep(awayMs);
  await Promise.all(killed.map((node) => node.start()));
  await cluster.untilWhole();
  if ((client.outcomes['503'] ?? 0) === refusedBefore)
    throw new Error('nothing was refused while two nodes were away');
}

interface IssuedKey {
  readonly id: string;
  readonly secret: string;
}

async function issueKey({ stack }: FaultContext): Promise<IssuedKey> {
  const body = { name: 'fault', permissions: ['events:write'] };
  const issued = await manage(stack.connection(), '/api-keys', body, 201);
  if (typeof issued !== 'object' || issued === null || !('id' in issued) || !('key' in issued))
    throw new Error('an issued key has no id or no secret');
  return { id: String(issued.id), secret: String(issued.key) };
}

async function revokeKey({ stack }: FaultContext, id: string): Promise<void> {
  await manage(stack.connection(), `/api-keys/${id}/deactivate`, {}, 200);
}

async function manage(
  { url, credentials: { apiKey } }: Connection,
  path: string,
  body: object,
  expected: number,
): Promise<unknown> {
  const headers = { 'content-type': 'application/json', 'x-api-key': apiKey };
  const answer = await httpCall(`${url}${path}`, { headers, body: JSON.stringify(body) });
  if (answer.status !== expected) throw new Error(`${path} answered ${answer.status}: ${answer.text}`);
  return answer.json();
}

/** Presents a key until it is judged as it should be. */
async function untilJudged(
  context: FaultContext,
  secret: string,
  expected: 'stored' | 'refused',
): Promise<void> {
  await eventually(
    async () => {
      const verdict = await present(context, secret);
      if (verdict !== expected) throw new Error(`a key that should be ${expected} is ${verdict}`);
    },
    { timeoutMs: 40_000, intervalMs: 50 },
  );
}

/** Presents both until the good one is taken again; the revoked one, which was refused before, must never be. */
async function presentBoth(context: FaultContext, kept: string, revoked: string): Promise<void> {
  let taken = 0;
  await eventually(
    async () => {
      const verdicts = { revoked: await present(context, revoked), kept: await present(context, kept) };
      if (verdicts.revoked === 'stored') taken++;
      if (verdicts.kept !== 'stored' || verdicts.revoked !== 'refused')
        throw new Error(`the good key is ${verdicts.kept}, the revoked one ${verdicts.revoked}`);
    },
    { timeoutMs: 40_000, intervalMs: 50 },
  );
  if (taken > 0) throw new Error(`a revoked key was taken ${taken} times after it had been refused`);
}

/** Sends one event of a new id; `unknown` is what is said while nobody can tell. */
async function present(context: FaultContext, secret: string): Promise<'stored' | 'refused' | 'unknown'> {
  const { client, ledger, prefix, stack } = context;
  const connection = stack.connection();
  const id = `${prefix}-key${randomInt(1e9)}`;
  const withKey = { ...connection, credentials: { ...connection.credentials, apiKey: secret } };
  ledger.sent([id]);
  const answer = await client.send(nativeRequest(withKey, [id]));
  if (answer.kind === 'stored') ledger.accepted(answer.ids);
  if (answer.kind === 'refused' && answer.status === 401) return 'refused';
  return answer.kind === 'stored' ? 'stored' : 'unknown';
}
