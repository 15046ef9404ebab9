import assert from 'node:assert/strict';
import { test } from 'node:test';
import { brotliCompressSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib';
import { RequestFailure } from './failure.ts';
import { inflateBody } from './inflate.ts';

const ENCODERS = {
  gzip: gzipSync,
  'x-gzip': gzipSync,
  deflate: deflateSync,
  br: brotliCompressSync,
  zstd: zstdCompressSync,
};
/** Those whose format is a sequence of members or frames. */
const SEQUENCES: readonly string[] = ['gzip', 'x-gzip', 'zstd'];
const LIMIT_BYTES = 20_000;
const TEXT = Buffer.from('{"type":"a"}\n'.repeat(500));

const kindOf = (body: Buffer, encoding: string, limitBytes = LIMIT_BYTES): Promise<string> =>
  inflateBody(body, encoding, limitBytes).then(
    (inflated) => inflated.toString(),
    (error: unknown) => (error instanceof RequestFailure ? error.failure.kind : String(error)),
  );

for (const [encoding, encode] of Object.entries(ENCODERS)) {
  const whole = encode(TEXT);
  const isSequence = SEQUENCES.includes(encoding);

  test(`${encoding}: one stream, and one of nothing`, async () => {
    assert.equal(await kindOf(whole, encoding), TEXT.toString());
    assert.equal(await kindOf(encode(Buffer.alloc(0)), encoding), '');
  });

  test(`${encoding}: several streams are all read, or refused`, async () => {
    const three = Buffer.concat(['a\n', 'b\n', 'c\n'].map((line) => encode(Buffer.from(line))));
    assert.equal(await kindOf(three, encoding), isSequence ? 'a\nb\nc\n' : 'malformed_json');
  });

  test(`${encoding}: a damaged or truncated second stream is refused`, async () => {
    const second = Buffer.from(whole);
    second.fill(0xff, 6, 12);
    for (const rest of [second, whole.subarray(0, -1), whole.subarray(0, 3)])
      assert.equal(await kindOf(Buffer.concat([whole, rest]), encoding), 'malformed_json');
  });

  test(`${encoding}: rubbish behind the stream is refused`, async () => {
    for (const rubbish of [Buffer.from('rubbish'), Buffer.from('\n'), Buffer.alloc(8), Buffer.alloc(1)])
      assert.equal(await kindOf(Buffer.concat([whole, rubbish]), encoding), 'malformed_json');
  });

  test(`${encoding}: nothing, a part, or something else is refused`, async () => {
    for (const body of [whole.subarray(0, 0), whole.subarray(0, -1), whole.subarray(0, 5), TEXT])
      assert.equal(await kindOf(body, encoding), 'malformed_json');
  });

  test(`${encoding}: never more than the limit, in one stream or in many`, async () => {
    assert.equal(await kindOf(whole, encoding, TEXT.length), TEXT.toString());
    assert.equal(await kindOf(whole, encoding, TEXT.length - 1), 'too_large');
    if (!isSequence) return;
    const twice = Buffer.concat([whole, whole]);
    assert.equal((await kindOf(twice, encoding, 2 * TEXT.length)).length, 2 * TEXT.length);
    assert.equal(await kindOf(twice, encoding, 2 * TEXT.length - 1), 'too_large');
    assert.equal(await kindOf(twice, encoding, TEXT.length), 'too_large');
  });
}

test('zstd: frames of nothing are limited in number', async () => {
  const frame = zstdCompressSync(Buffer.alloc(0));
  assert.equal(await kindOf(Buffer.concat(Array(1_001).fill(frame)), 'zstd'), 'malformed_json');
});

test('a list of encodings, and one that is not known, are refused', async () => {
  for (const encoding of ['gzip, br', 'lzw', 'constructor'])
    assert.equal(await kindOf(gzipSync(TEXT), encoding), 'unsupported_media_type');
});
