import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createLedger } from '../client/ledger.ts';
import { compare } from './inspect-store.ts';

function ledgerOf(sent: string[], accepted: string[]) {
  const ledger = createLedger();
  ledger.sent(sent);
  ledger.accepted(accepted);
  return ledger;
}

test('an unknown event may be stored or not', () => {
  const ledger = ledgerOf(['a', 'b', 'c'], ['a']);
  assert.deepEqual(compare(ledger, ['a', 'b']), { rows: 2, lost: [], doubled: [], strangers: [] });
  assert.deepEqual(ledger.counts, { sent: 3, accepted: 1, unknown: 2 });
});

test('an accepted event that is not stored is lost', () => {
  assert.deepEqual(compare(ledgerOf(['a', 'b'], ['a', 'b']), ['b']).lost, ['a']);
});

test('an unknown event that is stored twice is doubled', () => {
  assert.deepEqual(compare(ledgerOf(['a'], []), ['a', 'a']).doubled, ['a']);
});

test('a row that nobody sent is a stranger', () => {
  assert.deepEqual(compare(ledgerOf(['a'], ['a']), ['a', 'x']).strangers, ['x']);
});

test('an id that was never sent can not be accepted', () => {
  assert.throws(() => ledgerOf([], ['a']), /never sent/);
});
