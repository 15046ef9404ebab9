import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { create, createFileRegistry, fromBinary, type MessageInitShape } from '@bufbuild/protobuf';
import { FileDescriptorProtoSchema, FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import { Code, ConnectError, createClient } from '@connectrpc/connect';
import {
  Health,
  HealthCheckResponse_ServingStatus as Status,
} from '@millrace/contracts/grpc/health/v1/health';
import {
  ServerReflection,
  ServerReflectionRequestSchema,
} from '@millrace/contracts/grpc/reflection/v1/reflection';
import { ServerReflection as ServerReflectionAlpha } from '@millrace/contracts/grpc/reflection/v1alpha/reflection';
import { AnalyticsService } from '@millrace/contracts/millrace/api/v1/analytics';
import { DeadLetterService } from '@millrace/contracts/millrace/api/v1/dead_letter';
import { DeletionService } from '@millrace/contracts/millrace/api/v1/deletion';
import { EventService } from '@millrace/contracts/millrace/api/v1/event';
import { WebhookService } from '@millrace/contracts/millrace/api/v1/webhook';
import { WorkspaceService } from '@millrace/contracts/millrace/api/v1/workspace';
import { type RpcBench, startRpcBench, transportsTo } from '../../test/rpc-harness.ts';

let bench: RpcBench;
before(async () => {
  bench = await startRpcBench();
});
after(() => bench.close());

const transport = (to = bench) => transportsTo(to.url)['gRPC over HTTP/2'] ?? assert.fail();

type Question = MessageInitShape<typeof ServerReflectionRequestSchema>['messageRequest'];

async function ask(...questions: Question[]) {
  async function* requests() {
    for (const messageRequest of questions) {
      yield create(ServerReflectionRequestSchema, messageRequest ? { messageRequest } : {});
    }
  }
  const answers = [];
  for await (const { messageResponse } of createClient(ServerReflection, transport()).serverReflectionInfo(
    requests(),
  )) {
    answers.push(messageResponse);
  }
  return answers;
}

describe('reflection', () => {
  test('lists every service', async () => {
    const [answer] = await ask({ case: 'listServices', value: '' });
    assert.ok(answer?.case === 'listServicesResponse');
    assert.deepEqual(
      answer.value.service.map(({ name }) => name),
      [
        'grpc.health.v1.Health',
        'grpc.reflection.v1.ServerReflection',
        'grpc.reflection.v1alpha.ServerReflection',
        'millrace.api.v1.AnalyticsService',
        'millrace.api.v1.DeadLetterService',
        'millrace.api.v1.DeletionService',
        'millrace.api.v1.EventService',
        'millrace.api.v1.WebhookService',
        'millrace.api.v1.WorkspaceService',
      ],
    );
  });

  test('a symbol comes with all that is needed to call it', async () => {
    const symbols = [
      'millrace.api.v1.EventService',
      'millrace.api.v1.EventService.Ingest',
      'millrace.api.v1.NewEvent',
      'millrace.api.v1.NewEvent.user_id',
      'millrace.api.v1.EVENT_STATUS_ACCEPTED',
    ];
    for (const value of symbols) {
      const [answer] = await ask({ case: 'fileContainingSymbol', value });
      assert.ok(answer?.case === 'fileDescriptorResponse', value);
      const file = answer.value.fileDescriptorProto.map((bytes) =>
        fromBinary(FileDescriptorProtoSchema, bytes),
      );
      const registry = createFileRegistry(create(FileDescriptorSetSchema, { file: file.reverse() }));
      assert.ok(registry.getService(EventService.typeName));
    }
  });

  test('a stream gets what is imported once', async () => {
    const question = { case: 'fileByFilename', value: 'millrace/api/v1/event.proto' } as const;
    const counts = (await ask(question, question)).map((answer) =>
      answer.case === 'fileDescriptorResponse' ? answer.value.fileDescriptorProto.length : 0,
    );
    assert.deepEqual(counts, [3, 1]);
  });

  test('NOT_FOUND and INVALID_ARGUMENT are answers, the stream goes on', async () => {
    const answers = await ask(
      { case: 'fileContainingSymbol', value: 'nobody.Knows' },
      { case: 'fileByFilename', value: '../etc/passwd' },
      {
        case: 'fileContainingExtension',
        value: { containingType: 'millrace.api.v1.NewEvent', extensionNumber: 1 },
      },
      { case: 'allExtensionNumbersOfType', value: 'nobody.Knows' },
      undefined,
      { case: 'allExtensionNumbersOfType', value: 'millrace.api.v1.NewEvent' },
    );
    const codes = answers.map((answer) =>
      answer.case === 'errorResponse' ? answer.value.errorCode : answer.case,
    );
    const { NotFound, InvalidArgument } = Code;
    assert.deepEqual(codes, [
      NotFound,
      NotFound,
      NotFound,
      NotFound,
      InvalidArgument,
      'allExtensionNumbersResponse',
    ]);
  });

  test('v1alpha answers too', async () => {
    async function* requests() {
      yield { messageRequest: { case: 'listServices', value: '' } as const };
    }
    const client = createClient(ServerReflectionAlpha, transport());
    for await (const { messageResponse } of client.serverReflectionInfo(requests())) {
      assert.equal(messageResponse.case, 'listServicesResponse');
    }
  });

  test('outside development there is none', async () => {
    const production = await startRpcBench({ reflection: false });
    try {
      const response = await fetch(`${production.url}/${ServerReflection.typeName}/ServerReflectionInfo`, {
        method: 'POST',
      });
      assert.equal(response.status, 404);
    } finally {
      await production.close();
    }
  });
});

describe('health', () => {
  const health = () => createClient(Health, transport());

  test('Check: the server, the service, and NOT_FOUND for others', async () => {
    for (const service of ['', EventService.typeName, WorkspaceService.typeName]) {
      assert.equal((await health().check({ service })).status, Status.SERVING);
    }
    await assert.rejects(
      health().check({ service: 'nobody.Knows' }),
      (error) => ConnectError.from(error).code === Code.NotFound,
    );
  });

  test('List: every service', async () => {
    const { statuses } = await health().list({});
    assert.deepEqual(Object.keys(statuses).sort(), [
      '',
      AnalyticsService.typeName,
      DeadLetterService.typeName,
      DeletionService.typeName,
      EventService.typeName,
      WebhookService.typeName,
      WorkspaceService.typeName,
    ]);
  });

  test('Watch: tells at once, and again when it changes', async () => {
    const seen: Status[] = [];
    for await (const { status } of health().watch({ service: '' })) {
      seen.push(status);
      bench.health.ready = false;
      if (seen.length === 2) break;
    }
    bench.health.ready = true;
    assert.deepEqual(seen, [Status.SERVING, Status.NOT_SERVING]);
  });

  test('Watch: ends when the process goes down', async () => {
    const seen: Status[] = [];
    for await (const { status } of health().watch({ service: '' })) {
      seen.push(status);
      bench.health.ready = false;
      bench.health.draining = true;
    }
    bench.health.ready = true;
    bench.health.draining = false;
    assert.deepEqual(seen, [Status.SERVING, Status.NOT_SERVING]);
  });

  test('Watch: an unknown service is SERVICE_UNKNOWN', async () => {
    for await (const { status } of health().watch({ service: 'nobody.Knows' })) {
      assert.equal(status, Status.SERVICE_UNKNOWN);
      break;
    }
  });
});
