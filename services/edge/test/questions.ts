import assert from 'node:assert/strict';
import type { Questions } from '../src/clients/analytics.ts';

/** For tests that ask nothing about stored events. */
export const noQuestions: Questions = {
  metrics: () => assert.fail('no figures are asked for'),
  runQuery: () => assert.fail('nothing is asked'),
  listEvents: () => assert.fail('no events are asked for'),
  getEvent: () => assert.fail('no event is asked for'),
  getReceipt: () => assert.fail('no receipt is asked for'),
  listDeadLetters: () => assert.fail('no dead letters are asked for'),
  getDeadLetter: () => assert.fail('no dead letter is asked for'),
  recordDeadLetterChanges: () => assert.fail('no dead letter is changed'),
  listFieldNames: () => assert.fail('no names are asked for'),
  listFieldValues: () => assert.fail('no values are asked for'),
  listProperties: () => assert.fail('no properties are asked for'),
  putProperty: () => assert.fail('no property is registered'),
  deleteProperty: () => assert.fail('no property is removed'),
};
