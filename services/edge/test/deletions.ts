import assert from 'node:assert/strict';
import type { Deletions } from '../src/clients/analytics.ts';

/** Nothing may be asked. */
export const noDeletions: Deletions = {
  requestDeletion: () => assert.fail(),
  listDeletions: () => assert.fail(),
  getDeletion: () => assert.fail(),
  retentionDays: () => assert.fail(),
  setRetentionDays: () => assert.fail(),
  exportEvents: () => assert.fail(),
};
