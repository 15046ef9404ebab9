import assert from 'node:assert/strict';
import type { HttpAnswer } from '@millrace/testkit';

/** A UUIDv7 in its usual form. */
export const UUID_V7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

/** Asserts the status, that the body is JSON and called so, and exactly this body. */
export function assertJson(answer: HttpAnswer, status: number, body: unknown): void {
  assert.equal(answer.status, status, answer.text);
  assertJsonType(answer);
  assert.deepEqual(answer.json(), body);
}

/** Asserts a content type of JSON. */
export function assertJsonType(answer: HttpAnswer): void {
  assert.match(answer.headers['content-type'] ?? '', /^application\/(problem\+)?json(; charset=utf-8)?$/);
}

/** A member of parsed JSON, by its path; undefined where there is none. */
export function memberOf(value: unknown, ...path: readonly (string | number)[]): unknown {
  let current = value;
  for (const key of path) {
    if (typeof current !== 'object' || current === null) return undefined;
    current = Reflect.get(current, key);
  }
  return current;
}

/** A member that must be a string that isn't empty. */
export function textAt(value: unknown, ...path: readonly (string | number)[]): string {
  const text = memberOf(value, ...path);
  assert.ok(
    typeof text === 'string' && text !== '',
    `${path.join('.')} is no text in ${JSON.stringify(value)}`,
  );
  return text;
}
