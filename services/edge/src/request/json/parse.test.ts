import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createJsonGenerator } from '../../../test/random-json.ts';
import { type Failure, RequestFailure } from '../../server/failure.ts';
import { MAX_DEPTH, parseJson } from './parse.ts';

function failureOf(body: string | Buffer): Failure {
  try {
    parseJson(Buffer.from(body));
  } catch (error) {
    assert.ok(error instanceof RequestFailure, String(error));
    return error.failure;
  }
  return assert.fail(`accepted ${body.toString().slice(0, 80)}`);
}

function messageOf(body: string | Buffer): string {
  const failure = failureOf(body);
  assert.equal(failure.kind, 'malformed_json');
  return failure.kind === 'malformed_json' ? failure.message : '';
}

function issueOf(body: string) {
  const failure = failureOf(body);
  assert.equal(failure.kind, 'invalid', body.slice(0, 80));
  return failure.kind === 'invalid' ? failure.issues[0] : assert.fail();
}

const nested = (levels: number) => `${'[{"a":'.repeat(levels / 2)}1${'}]'.repeat(levels / 2)}`;

/** Whether an object has a name twice, told by a parser of the simplest kind. */
function repeats(text: string): boolean {
  let i = 0;
  let found = false;
  const space = () => {
    while (' \n\r\t'.includes(text[i] ?? 'x')) i++;
  };
  const string = (): unknown => {
    const start = i++;
    while (text[i] !== '"') i += text[i] === '\\' ? 2 : 1;
    return JSON.parse(text.slice(start, ++i));
  };
  const value = () => {
    space();
    const open = text[i];
    if (open === '"') string();
    else if (open === '{' || open === '[') {
      const names = new Set<unknown>();
      i++;
      for (space(); text[i] !== '}' && text[i] !== ']'; space()) {
        if (open === '{') {
          const name = string();
          found ||= names.has(name);
          names.add(name);
          space();
          i++;
        }
        value();
        space();
        if (text[i] === ',') i++;
      }
      i++;
    } else while (/[-+.\w]/.test(text[i] ?? ' ')) i++;
  };
  value();
  return found;
}

test('a body is parsed, and its text kept', () => {
  const text = ' {"n": 12345678901234567890, "s": "\\ud83d\\ude00 \\\\ud800 \\u00e9"} ';
  const parsed = parseJson(Buffer.from(text));
  assert.equal(parsed.text, text);
  assert.deepEqual(parsed.value, JSON.parse(text));
});

test('a byte order mark is left out', () => {
  const { value, text, units } = parseJson(Buffer.from('\uFEFF{"a":1}'));
  assert.deepEqual([value, text], [{ a: 1 }, '{"a":1}']);
  assert.deepEqual([...units], [...Buffer.from(text)]);
});

test('what random JSON means is what JSON.parse says', () => {
  const generate = createJsonGenerator(1, { unique: true });
  for (let i = 0; i < 3_000; i++) {
    const text = generate();
    assert.deepEqual(parseJson(Buffer.from(text)).value, JSON.parse(text), text);
  }
});

test('random JSON cut short or with a character changed is refused exactly when JSON.parse refuses it', () => {
  const generate = createJsonGenerator(2, { unique: true });
  for (let i = 0; i < 3_000; i++) {
    const whole = generate();
    const at = (i * 7919) % whole.length;
    const text = i % 2 === 0 ? whole.slice(0, at) : `${whole.slice(0, at)}x${whole.slice(at + 1)}`;
    if (!text.isWellFormed()) continue;
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch {
      value = undefined;
    }
    if (value === undefined) assert.equal(failureOf(text).kind, 'malformed_json', text);
    // A change inside `\ud83d` may leave JSON with a lone surrogate; everything else parses.
    else if (!text.includes('\\ud') && !repeats(text)) {
      assert.deepEqual(parseJson(Buffer.from(text)).value, value);
    }
  }
});

test('an empty body and bytes that are not UTF-8 are named', () => {
  assert.match(messageOf(''), /empty/);
  assert.match(messageOf(Buffer.from([0x22, 0xff, 0x22])), /UTF-8/);
  assert.match(messageOf(Buffer.from([0x22, 0xed, 0xa0, 0x80, 0x22])), /UTF-8/, 'a surrogate in UTF-8');
});

test('a syntax error is placed, and little of the body repeated', () => {
  const places: Record<string, RegExp> = {
    '{"a":x}': /at position 5$/,
    '{"a":1,}': /at position 7$/,
    '[1,2,tru]': /at position 5$/,
    '[1,]': /at position 3$/,
    '{"a":}': /at position 5$/,
    '[1}': /at position 2$/,
    '{"a":1 "b":2}': /at position 7$/,
    '{"a]":[1,{"b":",}"}], ,"c":1}': /at position 22$/,
    '01': /at position 1$/,
    '1 2': /at position 2$/,
    '}': /at position 0$/,
    '{"a":tru': /unexpected end$/,
    '': /empty$/,
  };
  for (const [body, place] of Object.entries(places)) assert.match(messageOf(body), place, body);
  const secret = `{"password":"hunter2hunter2","x":hunter2hunter2}`;
  assert.doesNotMatch(messageOf(secret), /hunter2/);
});

test(`${MAX_DEPTH} levels are taken, one more is refused, however large the body`, () => {
  parseJson(Buffer.from(nested(MAX_DEPTH)));
  assert.match(issueOf(`[${nested(MAX_DEPTH)}]`).message, /deeper than 32 levels at position 92/);
  const large = `"${' '.repeat(100_000)}"`;
  parseJson(Buffer.from(nested(MAX_DEPTH).replace('1', large)));
  assert.match(issueOf(`[${nested(MAX_DEPTH).replace('1', large)}]`).message, /deeper than 32 levels/);
  assert.match(issueOf('['.repeat(1_000_000)).message, /deeper than 32 levels/);
  parseJson(Buffer.from(`[${Array.from({ length: 20_000 }, () => '{"a":["]["]}').join(',')}]`));
});

test('NUL, lone surrogates and __proto__ are refused and placed, also in what a later member overrides', () => {
  assert.deepEqual(issueOf('{"a":[1,{"b":"x\\u0000"}]}').path, ['a', 1, 'b']);
  assert.match(issueOf('{"a":"\\u0000","a":1}').message, /NUL/);
  assert.deepEqual(issueOf('{"a":{"b\\u0000":1}}').path, ['a', 'b\uFFFD']);
  for (const text of [
    '\\ud800',
    '\\udc00',
    '\\uD83Dx',
    '\\ud83d\\ud83d\\ude00',
    '\\ude00\\ud83d',
    '\\\\\\ud800',
  ]) {
    assert.match(issueOf(`{"k":"${text}"}`).message, /Lone surrogate/, text);
  }
  for (const name of ['__proto__', '\\u005f_proto__', '__pr\\u006fto__', '__prot\\u006F__']) {
    assert.deepEqual(issueOf(`{"x":[{"${name}":1}]}`).path, ['x', 0, '__proto__'], name);
  }
});

test('what only looks forbidden is taken', () => {
  for (const text of [
    '"\\\\u0000"',
    '"\\\\ud800"',
    '["__proto__"]',
    '{"a":"\\"__proto__\\":"}',
    '{"__proto":1}',
  ]) {
    assert.deepEqual(parseJson(Buffer.from(text)).value, JSON.parse(text), text);
  }
});

test('a member that is there twice is refused and placed, at any depth and by any spelling', () => {
  assert.deepEqual(issueOf('{"a":{"plan":"gold","plan":"free"}}'), {
    code: 'custom',
    path: ['a', 'plan'],
    message: 'Member name is there twice in one object at position 20',
  });
  assert.deepEqual(issueOf('[0,{"plan":1,"x":{"plan":2},"pl\\u0061n":[]}]').path, [1, 'plan']);
  for (const text of [
    '{"a":1,"a":1}',
    '{"a":{"b":1},"a":{"b":1}}',
    '{"":1,"":2}',
    '{"1":1,"0":2,"1":3}',
    '{"é":1,"\\u00e9":2}',
    '{"\\n":1,"\\u000a":2}',
    '{"a" : 1 , "b":[":"], "a"\t:2}',
    '{"toString":1,"toString":2}',
  ]) {
    assert.match(issueOf(text).message, /twice/, text);
  }
});

test('a number that no double holds is refused and placed', () => {
  assert.deepEqual(issueOf('{"a":[1,"1e999",{"b":-1e400}]}'), {
    code: 'custom',
    path: ['a', 2, 'b'],
    message: 'Number is too large at position 21',
  });
  for (const text of [
    `{"a":${'9'.repeat(400)}}`,
    '[1E+309]',
    '{"a":{"b":[[0.1e310]]}}',
    '{"e1":1e308,"x":2e308}',
  ]) {
    assert.match(issueOf(text).message, /^Number is too large/, text);
  }
  for (const text of ['{"a":1e308,"b":"1e999"}', '[123456789012345678901234567,-0,5e-324,1e-999]']) {
    assert.deepEqual(parseJson(Buffer.from(text)).value, JSON.parse(text), text);
  }
});

test('the names of other objects, and what only looks like a name, are no repetition', () => {
  for (const text of ['[{"a":1},{"a":1}]', '{"a":{"a":{"a":1}}}', '{"a":"a\\":","b":":"}', '{"a":1,"A":2}']) {
    assert.deepEqual(parseJson(Buffer.from(text)).value, JSON.parse(text), text);
  }
});

test('random JSON is refused for a repeated name exactly when an object has one', () => {
  const generate = createJsonGenerator(4);
  const seen = { repeated: 0, unique: 0 };
  for (let i = 0; i < 5_000; i++) {
    const text = generate();
    if (repeats(text)) {
      seen.repeated++;
      assert.match(issueOf(text).message, /twice/, text);
    } else {
      seen.unique++;
      assert.deepEqual(parseJson(Buffer.from(text)).value, JSON.parse(text), text);
    }
  }
  assert.ok(seen.repeated > 500 && seen.unique > 500, JSON.stringify(seen));
});

test('as many members as a body can hold are told apart', () => {
  for (const prefix of ['', 'k']) {
    const members = Array.from({ length: 80_000 }, (_, i) => `"${prefix}${i * 7}":0`);
    parseJson(Buffer.from(`{${members.join(',')}}`));
    assert.deepEqual(issueOf(`{${members.join(',')},"${prefix}7":1}`).path, [`${prefix}7`]);
  }
});
