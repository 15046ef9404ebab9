import assert from 'node:assert/strict';
import { type Timestamp, timestampDate } from '@bufbuild/protobuf/wkt';
import { Code, ConnectError, type Transport } from '@connectrpc/connect';
import {
  createConnectTransport,
  createGrpcTransport,
  createGrpcWebTransport,
} from '@connectrpc/connect-node';
import { BadRequestSchema } from '@millrace/contracts/google/rpc/error_details';
import type { HttpAnswer } from '@millrace/testkit';
import { memberOf } from './assert-answer.ts';

/** A transport of each protocol. */
export const TRANSPORTS: Readonly<Record<string, (baseUrl: string) => Transport>> = {
  Connect: (baseUrl) => createConnectTransport({ baseUrl, httpVersion: '1.1' }),
  'gRPC-Web': (baseUrl) => createGrpcWebTransport({ baseUrl, httpVersion: '1.1' }),
  gRPC: (baseUrl) => createGrpcTransport({ baseUrl }),
};

/** What a refusal says by either way: a status of REST's, and the field that is to blame in JSON's spelling. */
export interface Refusal {
  readonly status: number;
  readonly field: string | undefined;
}

const STATUSES: Readonly<Partial<Record<Code, number>>> = {
  [Code.InvalidArgument]: 400,
  [Code.Unauthenticated]: 401,
  [Code.PermissionDenied]: 403,
  [Code.NotFound]: 404,
  [Code.FailedPrecondition]: 409,
  [Code.ResourceExhausted]: 429,
  [Code.Unavailable]: 503,
};

/** What REST refuses. */
export function restRefusal({ status, json, text }: HttpAnswer): Refusal {
  assert.ok(status >= 400, text);
  const field = memberOf(json(), 'errors', 0, 'field');
  return { status, field: typeof field === 'string' ? (REST_NAMES[field] ?? field) : undefined };
}

/** Pages have other names there. */
const REST_NAMES: Readonly<Record<string, string>> = { limit: 'pageSize', cursor: 'pageToken' };

/** What a call is refused with. */
export async function rpcRefusal(call: Promise<unknown>): Promise<Refusal> {
  const error = await call.then(() => assert.fail('the call succeeded'), ConnectError.from);
  const [blamed] = error.findDetails(BadRequestSchema);
  const field = blamed?.fieldViolations[0]?.field;
  const status = STATUSES[error.code] ?? assert.fail(`${Code[error.code]}: ${error.rawMessage}`);
  return { status, field: field?.replaceAll(/_([a-z])/g, (_, letter: string) => letter.toUpperCase()) };
}

/** A time as REST has it. */
export function instantOf(time: Timestamp | undefined): string | null {
  return time === undefined ? null : timestampDate(time).toISOString();
}

/** Reads a stream to its end. */
export async function readAll<Message>(stream: AsyncIterable<Message>): Promise<Message[]> {
  const messages: Message[] = [];
  for await (const message of stream) messages.push(message);
  return messages;
}
