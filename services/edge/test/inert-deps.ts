import assert from 'node:assert/strict';
import type { ApiDeps } from '../src/request/api.ts';
import { noDeletions } from './deletions.ts';
import { authDouble } from './dialect-harness.ts';
import { limitsForTests } from './limits.ts';
import { noQuestions } from './questions.ts';
import { schemasForTests } from './schemas.ts';
import { inertTail } from './tail.ts';
import { deliveriesDouble, webhookDouble } from './webhooks.ts';

/** Enough to build every route and read what it says of itself; nothing may be asked. */
export const inertDeps: ApiDeps = {
  events: { submit: assert.fail, submitAll: assert.fail, submitEach: assert.fail },
  limits: limitsForTests(),
  stats: { read: assert.fail },
  audit: { listAuditEntries: () => assert.fail() },
  questions: noQuestions,
  sql: { runSql: () => assert.fail('no statement is run') },
  deletions: noDeletions,
  tail: inertTail,
  schemas: schemasForTests(),
  checkEvent: () => assert.fail(),
  auditLog: { record: () => assert.fail() },
  auth: authDouble(),
  webhooks: webhookDouble(),
  deliveries: deliveriesDouble(),
  publicGrant: () => assert.fail(),
  clock: { now: () => 0, monotonic: () => 0 },
  newId: () => 'id',
  countRejected: assert.fail,
  settings: { emailCompatAlways200: false, graphqlIntrospection: false },
};
