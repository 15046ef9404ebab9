import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { brotliCompressSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib';
import { RequestFailure } from './failure.ts';
import { inflateBeginning, inflateBody } from './inflate.ts';

const LIMIT = 1_000;
const first = Buffer.from('{"n":1}\n');
const second = Buffer.from('{"n":2}\n');
const encoders = {
  gzip: gzipSync,
  'x-gzip': gzipSync,
  deflate: deflateSync,
  br: brotliCompressSync,
  zstd: zstdCompressSync,
} as const;
/** Those whose standard makes one body of several parts. */
const JOINED = new Set(['gzip', 'x-gzip', 'zstd']);

async function outcome(body: Buffer, encoding: string, limit = LIMIT): Promise<string> {
  try {
    return String(await inflateBody(body, encoding, limit));
  } catch (error) {
    if (error instanceof RequestFailure) return error.failure.kind;
    throw error;
  }
}

for (const [encoding, encode] of Object.entries(encoders)) {
  describe(`content-encoding: ${encoding}`, () => {
    const one = encode(first);
    const two = Buffer.concat([one, encode(second)]);

    test('a body, an empty one too', async () => {
      assert.equal(await outcome(one, encoding), String(first));
      assert.equal(await outcome(encode(Buffer.alloc(0)), encoding), '');
    });

    test('several parts are one body where the standard says so, else damage', async () => {
      const whole = `${first}${second}`;
      assert.equal(await outcome(two, encoding), JOINED.has(encoding) ? whole : 'malformed_json');
      const three = Buffer.concat([two, encode(first)]);
      assert.equal(await outcome(three, encoding), JOINED.has(encoding) ? whole + first : 'malformed_json');
    });

    test('what is cut, or stands behind the end, spoils all of it', async () => {
      for (const body of [
        one.subarray(0, -2),
        two.subarray(0, -3),
        Buffer.concat([one, Buffer.from('rubbish')]),
        Buffer.concat([one, Buffer.alloc(3)]),
        Buffer.concat([one, Buffer.from([one[0] ?? 0])]),
        Buffer.from('rubbish'),
        Buffer.alloc(0),
      ]) {
        assert.equal(await outcome(body, encoding), 'malformed_json', body.toString('latin1'));
      }
    });

    test('the limit holds for all parts together', async () => {
      const half = encode(Buffer.alloc(600, 32));
      assert.equal(await outcome(half, encoding), ' '.repeat(600));
      assert.equal(await outcome(encode(Buffer.alloc(LIMIT, 32)), encoding), ' '.repeat(LIMIT));
      assert.equal(await outcome(encode(Buffer.alloc(LIMIT + 1, 32)), encoding), 'too_large');
      if (!JOINED.has(encoding)) return;
      assert.equal(await outcome(Buffer.concat([half, half]), encoding), 'too_large');
      const full = encode(Buffer.alloc(LIMIT, 32));
      assert.equal(await outcome(Buffer.concat([full, encode(first)]), encoding), 'too_large');
    });

    test('the beginning is read of a body that is cut, and no more than asked for', async () => {
      const long = Buffer.from(Array.from({ length: 5_000 }, (_, i) => (i * 7919) % 251));
      const beginning = await inflateBeginning(encode(long).subarray(0, 3_000), encoding, 1_000);
      assert.equal(beginning.length, 1_000);
      assert.deepEqual(beginning, long.subarray(0, 1_000));
      assert.equal((await inflateBeginning(Buffer.from('rubbish'), encoding, 1_000)).length, 0);
    });
  });
}

test('unsupported: an encoding that is not known, or two', async () => {
  for (const encoding of ['lzw', 'gzip, br', 'constructor', '']) {
    assert.equal(await outcome(first, encoding), 'unsupported_media_type', encoding);
  }
});
