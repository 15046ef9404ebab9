import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fakeExchange } from '../../test/fake-exchange.ts';
import { RequestFailure } from '../server/failure.ts';
import { isMediaType, requireJson, requireUtf8 } from './media-type.ts';

function isTaken(contentType: string | undefined, search = ''): boolean {
  const headers: Record<string, string> = contentType === undefined ? {} : { 'content-type': contentType };
  try {
    requireJson(fakeExchange({ headers, search }));
    return true;
  } catch (error) {
    assert.ok(error instanceof RequestFailure && error.failure.kind === 'unsupported_media_type');
    return false;
  }
}

test('JSON types in UTF-8 are taken, and a body whose type is not told', () => {
  for (const type of [
    undefined,
    'application/json',
    'Application/JSON; charset=UTF-8',
    'application/json;charset="utf-8"',
    'application/json; charset=utf8',
    'application/vnd.api+json',
    'application/json; profile="x"',
  ]) {
    assert.ok(isTaken(type), type);
  }
});

test('415: another type or charset', () => {
  for (const type of [
    '',
    'text/plain',
    'text/json',
    'application/x-www-form-urlencoded',
    'application/jsonp',
    'application/json; charset=utf-16',
    'application/json; charset=latin1',
    'application/json, text/plain',
  ]) {
    assert.ok(!isTaken(type), type);
  }
});

test('text/plain is a beacon only with a key in the query', () => {
  assert.ok(isTaken('text/plain;charset=UTF-8', 'key=k'));
  assert.ok(!isTaken('text/plain;charset=UTF-8', 'other=k'));
  assert.ok(!isTaken('text/plain;charset=UTF-16', 'key=k'));
});

test('a type is compared without parameters and case', () => {
  assert.ok(isMediaType('Text/Plain; charset=utf-8', 'text/plain'));
  assert.ok(!isMediaType('text/plainer', 'text/plain'));
});

test('another charset than UTF-8 is told for every type that is text; ASCII is a part of it', () => {
  for (const charset of ['utf-8', 'UTF8', '"utf-8"', 'us-ascii']) {
    requireUtf8(`application/x-ndjson; charset=${charset}`);
  }
  for (const charset of ['iso-8859-1', 'utf-16', '""']) {
    const refused = { failure: { kind: 'unsupported_media_type', message: 'The charset must be utf-8' } };
    assert.throws(() => requireUtf8(`application/cloudevents+json; charset=${charset}`), refused, charset);
  }
});
