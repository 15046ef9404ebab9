import { Agent, request } from 'node:http';

const CONNECTIONS = 64;
const TIMEOUT_MS = 30_000;

/** Each way in which a credential can be presented, to routes of several dialects. */
const PRESENTATIONS: readonly { path: string; headers: (secret: string) => Record<string, string> }[] = [
  { path: '/api/v1/events', headers: (secret) => ({ 'x-api-key': secret }) },
  { path: '/api/v1/events', headers: (secret) => ({ authorization: `Bearer ${secret}` }) },
  { path: '/email', headers: (secret) => ({ 'x-api-key': secret }) },
  { path: '/api-keys', headers: (secret) => ({ authorization: `Bearer ${secret}` }) },
  { path: '/graphql', headers: (secret) => ({ authorization: `Bearer ${secret}` }) },
  {
    path: '/millrace.api.v1.WorkspaceService/ListWorkspaces',
    headers: (secret) => ({ 'x-api-key': secret }),
  },
];

/** Presents so many credentials over 64 connections and counts the answers by status. */
export async function floodWith(
  url: string,
  count: number,
  nextSecret: () => string,
): Promise<ReadonlyMap<number, number>> {
  const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });
  const statuses = new Map<number, number>();
  let sent = 0;
  const work = async (): Promise<void> => {
    while (sent < count) {
      const { path, headers } = PRESENTATIONS[sent++ % PRESENTATIONS.length] ?? assertNever();
      const status = await present(agent, `${url}${path}`, headers(nextSecret()));
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
    }
  };
  try {
    await Promise.all(Array.from({ length: CONNECTIONS }, work));
  } finally {
    agent.destroy();
  }
  return statuses;
}

function assertNever(): never {
  throw new Error('there is no presentation');
}

function present(agent: Agent, url: string, headers: Record<string, string>): Promise<number> {
  return new Promise((resolve, reject) => {
    const call = request(url, {
      agent,
      method: 'POST',
      timeout: TIMEOUT_MS,
      headers: { 'content-type': 'application/json', ...headers },
    });
    call.on('response', (response) => {
      response.resume();
      response.on('end', () => resolve(response.statusCode ?? 0));
      response.on('error', reject);
    });
    call.on('timeout', () => call.destroy(new Error(`no answer within ${TIMEOUT_MS} ms`)));
    call.on('error', reject);
    call.end('{}');
  });
}
