import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ResponseParser } from './response-parser.ts';

const body = '{"success":true}';
const response = Buffer.from(
  `HTTP/1.1 202 Accepted\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\nConnection: keep-alive\r\n\r\n${body}`,
);

test('a whole response gives its status', () => {
  assert.equal(new ResponseParser().push(response, response.length), 202);
});

test('a response may be cut at any byte, and another may follow', () => {
  for (let cut = 1; cut < response.length; cut++) {
    const parser = new ResponseParser();
    for (let turn = 0; turn < 2; turn++) {
      assert.equal(parser.push(response.subarray(0, cut), cut), 0, `cut at ${cut}`);
      assert.equal(parser.push(response.subarray(cut), response.length - cut), 202, `cut at ${cut}`);
    }
  }
});

test('a response may come byte by byte through a buffer that is used again', () => {
  const parser = new ResponseParser();
  const buffer = Buffer.alloc(1);
  const statuses = [...response].map((byte) => {
    buffer[0] = byte;
    return parser.push(buffer, 1);
  });
  assert.deepEqual(
    statuses.filter((status) => status !== 0),
    [202],
  );
  assert.equal(statuses.at(-1), 202);
});

test('what an earlier response left in the buffer is not read', () => {
  const parser = new ResponseParser();
  const buffer = Buffer.concat([response]);
  assert.equal(parser.push(buffer, response.length), 202);
  assert.equal(parser.push(buffer, 60), 0);
  assert.equal(parser.push(response.subarray(60), response.length - 60), 202);
});

test('a body of 0 bytes ends with the head; names may be in lower case', () => {
  const empty = Buffer.from('HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n');
  assert.equal(new ResponseParser().push(empty, empty.length), 503);
});

test('a response without a length or with too many bytes is refused', () => {
  const chunked = Buffer.from('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n');
  assert.throws(() => new ResponseParser().push(chunked, chunked.length), /no content-length/);
  const long = Buffer.concat([response, Buffer.from('x')]);
  assert.throws(() => new ResponseParser().push(long, long.length), /longer/);
});
