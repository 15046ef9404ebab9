import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { pickFreePort } from '@millrace/embedded';
import { eventually } from '@millrace/testkit';
import { Client, Connection } from '@temporalio/client';
import { startTcpProxy } from '../../../tests/faults/proxy/tcp-proxy.ts';
import type { TemporalUnderTest } from './temporal-under-test.ts';

const START = { timeoutMs: 60_000 };

/** Starts `temporal server start-dev`, in memory, behind a proxy that loses answers. */
export async function startTemporalDevServer(program: string): Promise<TemporalUnderTest> {
  const port = await pickFreePort();
  const args = ['server', 'start-dev', '--headless', '--port', String(port), '--log-level', 'error'];
  const server = spawn(program, args, { stdio: 'ignore' });
  const failed = once(server, 'error').then(([error]) => {
    throw error;
  });
  const proxy = await startTcpProxy(await pickFreePort());
  proxy.setTarget(port);
  const connected = eventually(async () => {
    const connection = await Connection.connect({ address: `127.0.0.1:${port}` });
    const client = new Client({ connection });
    await client.workflow.count();
    return client;
  }, START);
  const client = await Promise.race([connected, failed]);
  return {
    address: `localhost:${proxy.port}`,
    progress: async () => (await client.workflow.count()).count,
    async runs() {
      const runs = [];
      for await (const { workflowId, runId } of client.workflow.list()) {
        const { events } = await client.workflow.getHandle(workflowId, runId).fetchHistory();
        const [input = ''] = (events ?? []).flatMap((event) =>
          textsOf(event.workflowExecutionStartedEventAttributes?.input),
        );
        const signals = (events ?? []).flatMap((event) =>
          textsOf(event.workflowExecutionSignaledEventAttributes?.input),
        );
        runs.push({ workflowId, input, signals });
      }
      return runs;
    },
    loseAnswers(areLost) {
      if (areLost) proxy.setMode({ kind: 'drop-answers' });
      else proxy.heal();
    },
    async close() {
      await client.connection.close();
      await proxy.close();
      const exit = once(server, 'exit');
      server.kill();
      await exit;
    },
  };
}

interface Payloads {
  readonly payloads?: readonly { readonly data?: Uint8Array | null }[] | null;
}

function textsOf(input: Payloads | null | undefined): string[] {
  return (input?.payloads ?? []).map(({ data }) => Buffer.from(data ?? []).toString());
}
