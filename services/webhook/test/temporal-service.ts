import { readFileSync } from 'node:fs';
import { Server, ServerCredentials, type ServerUnaryCall, type sendUnaryData, status } from '@grpc/grpc-js';
import type { CertificateFiles } from '@millrace/testkit';
import proto from '@temporalio/proto';

type StartRequest = proto.temporal.api.workflowservice.v1.IStartWorkflowExecutionRequest;
type SignalRequest = proto.temporal.api.workflowservice.v1.ISignalWithStartWorkflowExecutionRequest;

/** A run of a workflow, as the service keeps it. */
export interface WorkflowRun {
  readonly namespace: string;
  readonly workflowId: string;
  readonly runId: string;
  readonly type: string;
  readonly taskQueue: string;
  /** The request that started it. */
  readonly requestId: string;
  /** The text of what it was started with. */
  readonly input: string[];
  readonly memo: Readonly<Record<string, string>>;
  readonly signals: { readonly name: string; readonly input: string[] }[];
  isRunning: boolean;
}

/** What becomes of a call: nothing but what the service does, or an error before it, or no answer after it. */
type Fault = 'lose the answer' | 'never answer' | { readonly code: status; readonly details: string };

const REJECT_DUPLICATE = 3;

const { StartWorkflowExecutionRequest, StartWorkflowExecutionResponse } =
  proto.temporal.api.workflowservice.v1;
const { SignalWithStartWorkflowExecutionRequest, SignalWithStartWorkflowExecutionResponse } =
  proto.temporal.api.workflowservice.v1;

/**
 * Temporal's `WorkflowService` over gRPC with its published messages, of which it has what triggers call. Runs are kept by id and by
 * request as the server of that name does: a request that started the newest run of an id is answered with it, running or not.
 */
export async function startTemporalService(
  options: { namespaces?: readonly string[]; tls?: CertificateFiles & { ca: string } } = {},
) {
  const { namespaces = ['default'], tls } = options;
  const runs: WorkflowRun[] = [];
  const calls: { readonly authorization: string; readonly method: string }[] = [];
  const signalled = new Set<string>();
  const service = { runs, calls, fault: undefined as Fault | undefined };

  const newest = ({ namespace, workflowId }: StartRequest) =>
    runs.findLast((run) => run.namespace === namespace && run.workflowId === workflowId);
  const add = (request: StartRequest): WorkflowRun => {
    const run = {
      namespace: request.namespace ?? '',
      workflowId: request.workflowId ?? '',
      runId: `run-${runs.length + 1}`,
      type: request.workflowType?.name ?? '',
      taskQueue: request.taskQueue?.name ?? '',
      requestId: request.requestId ?? '',
      input: textsOf(request.input),
      memo: Object.fromEntries(
        Object.entries(request.memo?.fields ?? {}).map(([name, { data }]) => [name, JSON.parse(text(data))]),
      ),
      signals: [],
      isRunning: true,
    };
    runs.push(run);
    return run;
  };
  const start = (request: StartRequest): WorkflowRun => {
    const known = newest(request);
    if (known?.requestId === request.requestId && known !== undefined) return known;
    const isTaken = known?.isRunning === true || request.workflowIdReusePolicy === REJECT_DUPLICATE;
    if (known !== undefined && isTaken)
      throw { code: status.ALREADY_EXISTS, details: 'Workflow execution is already running.' };
    return add(request);
  };
  const signalWithStart = (request: SignalRequest): WorkflowRun => {
    const known = newest(request);
    const run = known?.isRunning === true ? known : start(request);
    const key = `${run.runId} ${request.requestId}`;
    if (!signalled.has(key))
      run.signals.push({ name: request.signalName ?? '', input: textsOf(request.signalInput) });
    signalled.add(key);
    return run;
  };

  const unary =
    <Request extends StartRequest>(method: string, act: (request: Request) => WorkflowRun) =>
    (call: ServerUnaryCall<Request, object>, answer: sendUnaryData<object>): void => {
      calls.push({ method, authorization: String(call.metadata.get('authorization')[0] ?? '') });
      const { fault } = service;
      if (fault === 'never answer') return;
      try {
        if (typeof fault === 'object') throw fault;
        if (!namespaces.includes(call.request.namespace ?? '')) throw NO_NAMESPACE;
        const { runId } = act(call.request);
        if (fault === 'lose the answer') throw LOST;
        answer(null, { runId });
      } catch (refused) {
        answer(refused as { code: status; details: string });
      }
    };
  const server = new Server();
  server.addService(
    {
      start: methodOf(
        'StartWorkflowExecution',
        StartWorkflowExecutionRequest,
        StartWorkflowExecutionResponse,
      ),
      signalWithStart: methodOf(
        'SignalWithStartWorkflowExecution',
        SignalWithStartWorkflowExecutionRequest,
        SignalWithStartWorkflowExecutionResponse,
      ),
    },
    { start: unary('start', start), signalWithStart: unary('signalWithStart', signalWithStart) },
  );
  const credentials =
    tls === undefined
      ? ServerCredentials.createInsecure()
      : ServerCredentials.createSsl(
          readFileSync(tls.ca),
          [{ cert_chain: readFileSync(tls.cert), private_key: readFileSync(tls.key) }],
          true,
        );
  const listen = (port: number) =>
    new Promise<number>((resolve, reject) =>
      server.bindAsync(`127.0.0.1:${port}`, credentials, (error, bound) =>
        error === null ? resolve(bound) : reject(error),
      ),
    );
  const port = await listen(0);
  return Object.assign(service, {
    address: `localhost:${port}`,
    async close() {
      server.forceShutdown();
    },
  });
}

const NO_NAMESPACE = { code: status.NOT_FOUND, details: 'Namespace is not found.' };
const LOST = { code: status.UNAVAILABLE, details: 'Connection dropped' };

interface MessageType<T> {
  encode(message: T): { finish(): Uint8Array };
  decode(bytes: Uint8Array): T;
}

function methodOf<Request, Response>(
  name: string,
  request: MessageType<Request>,
  response: MessageType<Response>,
) {
  return {
    path: `/temporal.api.workflowservice.v1.WorkflowService/${name}`,
    requestStream: false,
    responseStream: false,
    requestSerialize: (message: Request) => Buffer.from(request.encode(message).finish()),
    requestDeserialize: (bytes: Buffer) => request.decode(bytes),
    responseSerialize: (message: Response) => Buffer.from(response.encode(message).finish()),
    responseDeserialize: (bytes: Buffer) => response.decode(bytes),
  };
}

function textsOf(payloads: proto.temporal.api.common.v1.IPayloads | null | undefined): string[] {
  return (payloads?.payloads ?? []).map(({ data, metadata }) => {
    if (text(metadata?.['encoding']) !== 'json/plain') throw new TypeError('not JSON');
    return text(data);
  });
}

function text(bytes: Uint8Array | null | undefined): string {
  return Buffer.from(bytes ?? []).toString();
}
