import { channelCredentials, type Logger, openTlsFilesIfAny, type TemporalSettings } from '@millrace/runtime';
import type { Connection } from '@temporalio/client';
import { isStarted, refusalOf } from './refusal.ts';

/** A workflow to start, or to signal and start when it doesn't run. */
export interface WorkflowCall {
  readonly namespace: string;
  readonly taskQueue: string;
  readonly workflowType: string;
  readonly workflowId: string;
  /** With a name the workflow is signalled. */
  readonly signal: string;
  /** The server does one thing for it, however often it is asked. */
  readonly requestId: string;
  /** Whether a workflow of this id that has ended may be followed by another. */
  readonly mayFollow: boolean;
  /** JSON: what the workflow is started with, and the signal too. */
  readonly argument: Buffer;
  readonly memo: Readonly<Record<string, string>>;
}

/** What became of a call; `runId` is empty for a workflow that was started before. */
export type WorkflowOutcome =
  | { readonly kind: 'done'; readonly runId: string }
  | { readonly kind: 'refused'; readonly reason: string };

/** The Temporal server of an installation. */
export interface TemporalServer {
  /** Ends within `timeoutMs`. Rejects only for what is wrong with us. */
  run(call: WorkflowCall): Promise<WorkflowOutcome>;
  /** Whether a namespace may be named: why not, or undefined. */
  refusalOf(namespace: string): string | undefined;
  close(): Promise<void>;
}

// The protocol's numbers: the package that names them is large, and is loaded with the first call.
const ALLOW_DUPLICATE = 1;
const REJECT_DUPLICATE = 3;
const IDENTITY = 'millrace';

/** Reaches the server that the settings name, connecting with the first call; undefined when they name none. */
export function openTemporalServer(options: {
  settings: TemporalSettings;
  /** For a whole call, the connecting included. */
  timeoutMs: number;
  log: Logger;
}): TemporalServer | undefined {
  const { settings, timeoutMs, log } = options;
  const { TEMPORAL_ADDRESS: address, TEMPORAL_NAMESPACES: namespaces } = settings;
  if (address === undefined) return undefined;
  const connect = connectorOf(address, settings, log);
  let opening: Promise<Connection> | undefined;
  const opened = (): Promise<Connection> => {
    opening ??= connect();
    return opening;
  };
  return {
    refusalOf: (namespace) =>
      namespaces.length === 0 || namespaces.includes(namespace)
        ? undefined
        : 'is no namespace that triggers may name here',
    async run(call) {
      const connection = await opened();
      const { workflowService } = connection;
      try {
        const { runId } = await connection.withDeadline(Date.now() + timeoutMs, async () =>
          call.signal === ''
            ? workflowService.startWorkflowExecution(startOf(call))
            : workflowService.signalWithStartWorkflowExecution({
                ...startOf(call),
                signalName: call.signal,
                signalInput: { payloads: [jsonOf(call.argument)] },
              }),
        );
        return { kind: 'done', runId };
      } catch (error) {
        return isStarted(error) ? { kind: 'done', runId: '' } : { kind: 'refused', reason: refusalOf(error) };
      }
    },
    async close() {
      const connection = await opening?.catch(() => undefined);
      await connection?.close();
    },
  };
}

function connectorOf(address: string, settings: TemporalSettings, log: Logger): () => Promise<Connection> {
  const { TEMPORAL_TLS_CA: ca, TEMPORAL_TLS_CERT: cert, TEMPORAL_TLS_KEY: key } = settings;
  const { TEMPORAL_API_KEY: apiKey } = settings;
  const tls = openTlsFilesIfAny({ ca, cert, key }, log);
  return async () => {
    const { Connection } = await import('@temporalio/client');
    return Connection.lazy({
      address,
      ...(tls === undefined ? { tls: apiKey !== undefined } : { credentials: channelCredentials(tls) }),
      // Beside credentials of one's own the client takes no key by that name.
      metadata: apiKey === undefined ? {} : { Authorization: `Bearer ${apiKey}` },
      // Attempts are made again by their endpoint's policy.
      interceptors: [],
      channelArgs: { 'grpc.initial_reconnect_backoff_ms': 100, 'grpc.max_reconnect_backoff_ms': 2_000 },
    });
  };
}

function startOf(call: WorkflowCall) {
  const { namespace, workflowId, requestId, memo } = call;
  return {
    ...{ namespace, workflowId, requestId, identity: IDENTITY },
    workflowType: { name: call.workflowType },
    taskQueue: { name: call.taskQueue },
    workflowIdReusePolicy: call.mayFollow ? ALLOW_DUPLICATE : REJECT_DUPLICATE,
    input: { payloads: [jsonOf(call.argument)] },
    memo: {
      fields: Object.fromEntries(
        Object.entries(memo).map(([name, text]) => [name, jsonOf(Buffer.from(JSON.stringify(text)))]),
      ),
    },
  };
}

const JSON_PLAIN = { encoding: Buffer.from('json/plain') };

function jsonOf(data: Buffer) {
  return { metadata: JSON_PLAIN, data };
}
