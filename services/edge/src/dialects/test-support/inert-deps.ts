import assert from 'node:assert/strict';
import { limitsForTests } from '../../limits/limits-for-tests.ts';
import { schemasForTests } from '../../schemas/schemas-for-tests.ts';
import type { DialectDeps } from '../dialect.ts';
import { authDouble } from './dialect-harness.ts';

/** Enough to build every route and read what it says of itself; nothing may be asked. */
export const inertDeps: DialectDeps = {
  events: { submit: assert.fail, submitAll: assert.fail, submitEach: assert.fail },
  credentials: { verify: assert.fail },
  limits: limitsForTests(),
  stats: { read: assert.fail },
  audit: { listAuditEntries: () => assert.fail() },
  schemas: schemasForTests(),
  auditLog: { record: () => assert.fail() },
  auth: authDouble(),
  clock: { now: () => 0, monotonic: () => 0 },
  newId: () => 'id',
  countRejected: assert.fail,
  settings: { emailCompatAlways200: false, graphqlIntrospection: false },
};
