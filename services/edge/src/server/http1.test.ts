import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { after, before, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { publicRoute, startHttpBench } from '../../test/http-bench.ts';

let bench: Awaited<ReturnType<typeof startHttpBench>>;
const stored: string[] = [];
before(async () => {
  bench = await startHttpBench([
    publicRoute('POST', '/store', async (exchange) => {
      const body = (await exchange.body(1_000)).toString();
      // A store answers later than the parser finds the next request.
      for (let i = 0; i < 20; i++) await turn();
      stored.push(body);
      exchange.reply({ status: 202, body: JSON.stringify(body) });
    }),
  ]);
});
after(() => bench.close());

const post = (body: string, length = body.length) =>
  `POST /store HTTP/1.1\r\nHost: x\r\nContent-Length: ${length}\r\n\r\n${body}`;

/** Statuses and bodies of everything that a connection is answered until it closes. */
async function answersTo(bytes: string): Promise<{ status: number; body: unknown }[]> {
  const socket = connect(bench.port, '127.0.0.1');
  socket.on('error', () => undefined);
  let text = '';
  socket.on('data', (data) => (text += data));
  socket.write(bytes, 'latin1');
  await new Promise((resolve) => socket.once('close', resolve));
  return text
    .split(/(?=HTTP\/1\.1 \d)/)
    .filter((answer) => answer !== '')
    .map((answer) => {
      const [head = '', body = ''] = answer.split('\r\n\r\n');
      return { status: Number(head.split(' ')[1]), body: JSON.parse(body) };
    });
}

const MALFORMED = [
  'NONSENSE\r\n\r\n',
  'x',
  '\0',
  'POST /store HTTP/1.1\r\nHost: x\r\n: y\r\n\r\n',
  'GET / HTTP/9.9\r\n\r\n',
];

for (const malformed of MALFORMED) {
  test(`202, then 400: ${JSON.stringify(malformed)} behind a good request`, async () => {
    for (let i = 0; i < 5; i++) {
      const answers = await answersTo(
        post(`first ${i}`) + malformed + (malformed === 'x' ? ' \r\n\r\n' : ''),
      );
      assert.deepEqual(
        answers.map(({ status }) => status),
        [202, 400],
      );
      assert.equal(answers[0]?.body, `first ${i}`);
      assert.ok(stored.includes(`first ${i}`));
    }
  });
}

test('202, 202, then 400: two good requests and a broken body', async () => {
  const broken = 'POST /store HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n';
  const answers = await answersTo(post('one') + post('two') + broken);
  assert.deepEqual(
    answers.map(({ status }) => status),
    [202, 202, 400],
  );
});

test('400 once, as JSON: a request that is none, or has no host', async () => {
  for (const bytes of ['NONSENSE\r\n\r\n', '\x16\x03\x01\x02\0\x01\0', 'GET / HTTP/1.1\r\n\r\n']) {
    const [answer, ...more] = await answersTo(bytes);
    assert.equal(answer?.status, 400);
    assert.match(JSON.stringify(answer?.body), /"code":"malformed_request"/);
    assert.deepEqual(more, []);
  }
});

test('431: headers that are too large', async () => {
  const [answer] = await answersTo(`GET / HTTP/1.1\r\nHost: x\r\nx: ${'y'.repeat(50_000)}\r\n\r\n`);
  assert.equal(answer?.status, 431);
});

test('202: pipelined requests are answered in order', async () => {
  const last = 'POST /store HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 1\r\n\r\n9';
  const answers = await answersTo(['1', '2', '3'].map((body) => post(body)).join('') + last);
  assert.deepEqual(
    answers.map(({ body }) => body),
    ['1', '2', '3', '9'],
  );
});
