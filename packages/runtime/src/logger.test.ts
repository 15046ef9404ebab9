import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createLogger } from './logger.ts';

function logging() {
  const lines: string[] = [];
  const log = createLogger({
    service: 'test',
    level: 'trace',
    destination: { write: (line) => void lines.push(line) },
  });
  return { log, lines };
}

test('keys that name secrets are masked, one level down too', () => {
  const { log, lines } = logging();
  log.info({ token: 'hush', settings: { password: 'hush' }, headers: { authorization: 'hush' } }, 'said');
  const [line = ''] = lines;
  assert.ok(!line.includes('hush'), line);
  assert.equal(JSON.parse(line).msg, 'said');
});

test('of an error its words are told, and nothing that a library hung on it', () => {
  const { log, lines } = logging();
  const cause = Object.assign(new TypeError('the cause'), { args: ['hush'] });
  const error = Object.assign(new Error('the words', { cause }), {
    code: 'WRONGPASS',
    command: { name: 'hello', args: ['3', 'AUTH', 'default', 'hush'] },
    response: new Error('hush'),
  });
  log.warn({ err: error }, 'failed');
  log.warn(error);
  log.warn({ err: new AggregateError([error, 'hush'], 'several') }, 'failed');
  for (const line of lines) {
    assert.ok(!line.includes('hush'), line);
    assert.match(line, /the words: the cause/);
    assert.match(line, /WRONGPASS/);
  }
  assert.match(JSON.parse(lines[0] ?? '').err.stack, /logger\.test\.ts/);
});

test('of what is thrown and is no error only the type is told', () => {
  const { log, lines } = logging();
  log.error({ err: { secret: 'hush' } }, 'failed');
  log.error({ err: 'hush' }, 'failed');
  assert.deepEqual(
    lines.map((line) => JSON.parse(line).err),
    [{ type: 'object' }, { type: 'string' }],
  );
});
