import assert from 'node:assert/strict';
import { createHmac, generateKeyPairSync, sign } from 'node:crypto';
import { after, before, test } from 'node:test';
import { Refusal } from '@millrace/contracts/millrace/auth/v1/auth';
import { SignJWT } from 'jose';
import { type Bench, startBench } from '../../test/auth.ts';
import { decode, encode, NOW_MS, openSessions } from '../../test/sessions.ts';

const UNKNOWN = { kind: 'refused', refusal: Refusal.UNKNOWN };

let bench: Bench;
let world: Awaited<ReturnType<typeof openSessions>>;

before(async () => {
  bench = await startBench();
  world = await openSessions(bench);
});
after(() => bench.close());

test('a session that is signed as ours says whom it is from and for; others are unknown', async () => {
  assert.equal((await world.verify(await world.signed({}))).kind, 'granted');
  const wrong = [
    { iss: 'somebody' },
    { iss: undefined },
    { aud: 'somebody' },
    { aud: undefined },
    { sub: 'nobody' },
    { sub: undefined },
    { sub: 1 },
    { workspace_id: undefined },
    { workspace_id: ['workspace-1'] },
    { jti: undefined },
    { iat: undefined },
    { iat: 'now' },
    { iat: NOW_MS / 1_000 + 60 },
    { exp: undefined },
    { exp: 'tomorrow' },
    { nbf: NOW_MS / 1_000 + 60 },
  ];
  for (const claims of wrong) {
    assert.deepEqual(await world.verify(await world.signed(claims)), UNKNOWN, JSON.stringify(claims));
  }
});

test('no other algorithm is accepted, not even one that the public key fits', async () => {
  const [header, claims = '', signature = ''] = (await world.fresh()).split('.');
  const { kid } = world.keys.inForce().record;
  const key = world.keys.publicKey(kid);
  const publicBytes = [
    key?.export({ format: 'pem', type: 'spki' }) ?? '',
    key?.export({ format: 'der', type: 'spki' }) ?? '',
    Buffer.from(String(key?.export({ format: 'jwk' }).x), 'base64url'),
    JSON.stringify(key?.export({ format: 'jwk' })),
  ];
  const forgeries = publicBytes.map((secret) => {
    const head = `${encode({ alg: 'HS256', typ: 'JWT', kid })}.${claims}`;
    return `${head}.${createHmac('sha256', secret).update(head).digest('base64url')}`;
  });
  for (const alg of [
    'none',
    'None',
    'NONE',
    '',
    'HS256',
    'RS256',
    'ES256',
    'Ed448',
    'eddsa',
    'EdDSA ',
    null,
    7,
  ]) {
    forgeries.push(`${encode({ alg, typ: 'JWT', kid })}.${claims}.${signature}`);
    forgeries.push(`${encode({ alg, typ: 'JWT', kid })}.${claims}.`);
  }
  assert.ok(header);
  for (const forgery of forgeries) assert.deepEqual(await world.verify(forgery), UNKNOWN, forgery);
});

test('only keys of the store are used, whatever the header offers', async () => {
  const own = generateKeyPairSync('ed25519');
  const { kid } = world.keys.inForce().record;
  const claims = decode((await world.fresh()).split('.')[1]);
  const jwk = own.publicKey.export({ format: 'jwk' });
  const x5c = [own.publicKey.export({ format: 'der', type: 'spki' }).toString('base64')];
  const headers = [
    { kid },
    { kid: 'foreign' },
    { kid: '' },
    {},
    { kid: 'foreign', jwk },
    { kid, jwk },
    { kid, jku: 'http://127.0.0.1:1/jwks.json' },
    { kid, x5u: 'http://127.0.0.1:1/key.pem' },
    { kid, x5c },
    { kid: '__proto__' },
  ];
  for (const header of headers) {
    const forgery = await new SignJWT(claims)
      .setProtectedHeader({ alg: 'EdDSA', typ: 'JWT', ...header })
      .sign(own.privateKey);
    assert.deepEqual(await world.verify(forgery), UNKNOWN, JSON.stringify(header));
  }
  for (const header of [{ typ: 'at+jwt' }, { typ: undefined }, { kid: 'foreign' }, { kid: undefined }]) {
    assert.deepEqual(await world.verify(await world.signed({}, header)), UNKNOWN);
  }
  const { privateKey } = world.keys.inForce();
  const head = `${encode({ alg: 'EdDSA', typ: 'JWT', kid, crit: ['exp'], exp: 1 })}.${encode(claims)}`;
  const critical = `${head}.${sign(null, Buffer.from(head), privateKey).toString('base64url')}`;
  assert.deepEqual(await world.verify(critical), UNKNOWN);
});

test('a session of which any part was changed is unknown', async () => {
  const token = await world.fresh();
  const [header, claims, signature] = token.split('.');
  const owner = { ...decode(claims), workspace_id: 'workspace-2', sub: 'user-2' };
  assert.deepEqual(await world.verify(`${header}.${encode(owner)}.${signature}`), UNKNOWN);
  for (let at = 0; at < token.length; at++) {
    const other = token[at] === 'A' ? 'B' : 'A';
    const changed = `${token.slice(0, at)}${other}${token.slice(at + 1)}`;
    const verdict = await world.verify(changed);
    // The last character of a part has bits that no byte takes: another may stand for the same bytes.
    const isSame = token[at + 1] === '.' || at === token.length - 1;
    assert.ok(isSame || verdict.kind === 'refused', changed);
  }
  for (const hostile of [
    'eyJ.eyJ.AA',
    'eyJ9.eyJ9.AA',
    `${token}.AA`,
    token.slice(0, -4),
    `eyJ${'A'.repeat(900)}.a.b`,
  ]) {
    assert.deepEqual(await world.verify(hostile), UNKNOWN, hostile);
  }
});
