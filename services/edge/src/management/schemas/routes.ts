import { MillraceError } from '@millrace/runtime';
import type { Grant } from '../../clients/credentials.ts';
import { currentVersion, type SchemaRecord } from '../../ingest/schemas/schema-registry.ts';
import type { Api, ApiDeps } from '../../request/api.ts';
import { encodeProblem } from '../../request/problem/encode-problem.ts';
import { receiveJson } from '../../request/receive-json.ts';
import type { Exchange, Reply } from '../../server/exchange.ts';
import type { AccessRule, Route } from '../../server/route.ts';
import { deleteSchema, putSchema } from './change-schema.ts';
import {
  DELETE_DOCUMENTATION,
  GET_DOCUMENTATION,
  LIST_DOCUMENTATION,
  PUT_DOCUMENTATION,
  VERSION_DOCUMENTATION,
  VERSIONS_DOCUMENTATION,
} from './documentation.ts';
import { encodeSchema, encodeSchemaList, encodeVersions } from './encode.ts';
import { eventNameOf, putSchemaBody, versionOf } from './request.ts';

const READ: AccessRule = { places: ['apiKey', 'bearer'], anyOf: ['schemas:read', 'schemas:manage'] };
const MANAGE: AccessRule = { places: ['apiKey', 'bearer'], anyOf: ['schemas:manage'] };

/** The schemas that events of a workspace are held to. */
export const schemasApi: Api = {
  name: 'schemas',
  routes: (deps) => [...readingRoutes(deps), ...changingRoutes(deps)],
};

function readingRoutes(deps: ApiDeps): Route[] {
  const reading = (path: string, answer: (exchange: Exchange, workspaceId: string) => Reply) => ({
    method: 'GET' as const,
    path,
    access: READ,
    handle(exchange: Exchange, { workspaceId }: Grant) {
      exchange.reply(answer(exchange, workspaceId));
    },
    encodeFailure: encodeProblem,
  });
  const find = (exchange: Exchange, workspaceId: string): SchemaRecord => {
    const record = deps.schemas.find(workspaceId, eventNameOf(exchange));
    if (record === undefined) throw new MillraceError('not_found', 'no such schema');
    return record;
  };
  return [
    {
      ...reading('/v1/schemas', (_, workspaceId) => encodeSchemaList(deps.schemas.list(workspaceId))),
      documentation: LIST_DOCUMENTATION,
    },
    {
      ...reading('/v1/schemas/:eventName', (exchange, workspaceId) => {
        const record = find(exchange, workspaceId);
        return encodeSchema(record, currentVersion(record));
      }),
      documentation: GET_DOCUMENTATION,
    },
    {
      ...reading('/v1/schemas/:eventName/versions', (exchange, workspaceId) =>
        encodeVersions(find(exchange, workspaceId)),
      ),
      documentation: VERSIONS_DOCUMENTATION,
    },
    {
      ...reading('/v1/schemas/:eventName/versions/:version', (exchange, workspaceId) => {
        const record = find(exchange, workspaceId);
        const wanted = versionOf(exchange);
        const version = record.versions.find((kept) => kept.version === wanted);
        if (version === undefined) throw new MillraceError('not_found', 'no such version');
        return encodeSchema(record, version);
      }),
      documentation: VERSION_DOCUMENTATION,
    },
  ];
}

function changingRoutes(deps: ApiDeps): Route[] {
  return [
    {
      method: 'PUT',
      path: '/v1/schemas/:eventName',
      access: MANAGE,
      documentation: PUT_DOCUMENTATION,
      async handle(exchange, grant) {
        const body = await receiveJson(exchange, putSchemaBody);
        const { kind, record } = await putSchema({ exchange, grant, deps }, body);
        exchange.reply(encodeSchema(record, currentVersion(record), kind === 'created' ? 201 : 200));
      },
      encodeFailure: encodeProblem,
    },
    {
      method: 'DELETE',
      path: '/v1/schemas/:eventName',
      access: MANAGE,
      documentation: DELETE_DOCUMENTATION,
      async handle(exchange, grant) {
        await deleteSchema({ exchange, grant, deps });
        exchange.reply({ status: 204, body: '' });
      },
      encodeFailure: encodeProblem,
    },
  ];
}
