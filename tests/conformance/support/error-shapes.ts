import assert from 'node:assert/strict';
import type { HttpAnswer } from '@millrace/testkit';
import { assertJsonType, memberOf, textAt } from './assert-answer.ts';

/** Asserts that an answer is its dialect's documented error; `names` must occur in what it says of a 400. */
export type AssertError = (answer: HttpAnswer, status: number, names?: string) => void;

/** `{"success":false,"error":{"code","message","details"?}}`, with the documented code of each status. */
export function assertEnvelope(codes: Readonly<Record<number, string | readonly string[]>>): AssertError {
  return (answer, status, names = '') => {
    assertStatus(answer, status);
    const body = answer.json();
    const code = textAt(body, 'error', 'code');
    const details = memberOf(body, 'error', 'details');
    const message = textAt(body, 'error', 'message');
    const error = { code, message, ...(details === undefined ? {} : { details }) };
    assert.deepEqual(body, { success: false, error });
    const documented = codes[status];
    if (documented !== undefined) assert.ok([documented].flat().includes(code), code);
    assertNames(answer, names);
  };
}

/** `{"status":"error","message","errors"?}`, with the documented message and a list for a 400. */
export function assertList(invalidMessage: string): AssertError {
  return (answer, status, names = '') => {
    assertStatus(answer, status);
    const body = answer.json();
    assert.equal(memberOf(body, 'status'), 'error');
    const message = textAt(body, 'message');
    if (status === 401) assert.equal(message, 'Invalid or missing API key');
    if (status !== 400) return assert.deepEqual(body, { status: 'error', message });
    const errors = memberOf(body, 'errors');
    assert.deepEqual(body, { status: 'error', message: invalidMessage, errors });
    assert.ok(Array.isArray(errors) && errors.length > 0);
    for (const error of errors) {
      textAt(error, 'code');
      textAt(error, 'message');
      assert.ok(Array.isArray(memberOf(error, 'path')));
    }
    assertNames(answer, names);
  };
}

/** `{statusCode, message, error, code}`, the message of what is invalid being a list. */
export const assertChatbot: AssertError = (answer, status, names = '') => {
  assertStatus(answer, status);
  const body = answer.json();
  const message = memberOf(body, 'message');
  const [error, code] = [textAt(body, 'error'), textAt(body, 'code')];
  assert.deepEqual(body, { statusCode: status, message, error, code });
  for (const text of [message].flat()) assert.equal(typeof text, 'string');
  assertNames(answer, names);
};

/** RFC 9457 problem details. */
export const assertProblem: AssertError = (answer, status, names = '') => {
  assertStatus(answer, status);
  assert.equal(answer.headers['content-type'], 'application/problem+json');
  const body = answer.json();
  assert.equal(memberOf(body, 'status'), status);
  for (const member of ['type', 'title', 'detail', 'code']) textAt(body, member);
  assertNames(answer, names);
};

function assertStatus(answer: HttpAnswer, status: number): void {
  assert.equal(answer.status, status, answer.text.slice(0, 500));
  assertJsonType(answer);
}

function assertNames(answer: HttpAnswer, names: string): void {
  assert.ok(answer.text.includes(names), `${names} isn't named: ${answer.text.slice(0, 500)}`);
  assert.ok(answer.text.length < 20_000, 'the answer is larger than what it speaks of');
}
