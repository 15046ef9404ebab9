import assert from 'node:assert/strict';
import { test } from 'node:test';
import { policyWith } from '../../test/caller.ts';
import { hostileUrls } from '../../test/hostile-urls.ts';
import { checkUrl } from './check-url.ts';

test('no spelling of a denied address or name is let through', () => {
  const urls = new Set(hostileUrls(8080));
  assert.ok(urls.size >= 300, `only ${urls.size} spellings`);
  for (const url of urls) {
    const verdict = checkUrl(url, policyWith());
    assert.equal(verdict.kind, 'refused', url);
    // A reason is shown to whoever tries: it tells nothing of the network that we are in.
    if (verdict.kind === 'refused') assert.match(verdict.reason, /^must [a-z0-9 ,:/.-]+$/i, url);
  }
});

test('most of those spellings are URLs, refused for where they lead', () => {
  const everything = policyWith({ allowPrivate: true, allowedHosts: ['0.0.0.0/0', '::/0'] });
  const wellFormed = hostileUrls(8080).filter((url) => checkUrl(url, everything).kind === 'allowed');
  assert.ok(wellFormed.length >= 300, `only ${wellFormed.length}`);
});

const NORMALISED: readonly (readonly [string, string])[] = [
  ['https://example.com', 'https://example.com/'],
  ['HTTPS://Example.COM:443/Hook?a=1&b=%20', 'https://example.com/Hook?a=1&b=%20'],
  ['http://example.com.:8080/', 'http://example.com:8080/'],
  ['https://bücher.example/ä', 'https://xn--bcher-kva.example/%C3%A4'],
  ['https://a_b.example.com/../x/./y', 'https://a_b.example.com/x/y'],
  ['http://8.8.8.8/', 'http://8.8.8.8/'],
  ['http://0x08.8.2056/', 'http://8.8.8.8/'],
  ['https://[2A00:0::1]/', 'https://[2a00::1]/'],
  ['https://example.com/@user?x=@y', 'https://example.com/@user?x=@y'],
];

test('what may be called is stored in one spelling', () => {
  for (const [text, url] of NORMALISED) {
    const verdict = checkUrl(text, policyWith());
    assert.equal(verdict.kind === 'allowed' ? verdict.target.url : verdict.reason, url, text);
  }
});

test('a URL is taken apart for the call', () => {
  const parts = (text: string) => {
    const verdict = checkUrl(text, policyWith());
    return verdict.kind === 'allowed' ? verdict.target : verdict.reason;
  };
  assert.deepEqual(parts('https://Example.com/a?b=c'), {
    url: 'https://example.com/a?b=c',
    protocol: 'https:',
    host: 'example.com',
    port: 443,
    origin: 'https://example.com',
    path: '/a?b=c',
  });
  assert.deepEqual(parts('http://[2a00::1]:81'), {
    url: 'http://[2a00::1]:81/',
    protocol: 'http:',
    host: '2a00::1',
    port: 81,
    origin: 'http://[2a00::1]:81',
    path: '/',
  });
});

const REASONS: readonly (readonly [string, string])[] = [
  ['ftp://example.com/', 'must begin with https:// or http://'],
  [`https://example.com/${'a'.repeat(2_029)}`, 'must have at most 2,048 characters'],
  [`https://example.com/${'ä'.repeat(1_000)}`, 'must have at most 2,048 characters, percent-encoded'],
  ['https://a:b@example.com/', 'must not have a user or password'],
  ['https://example.com/#', 'must not have a fragment'],
  ['https://example.com/a b', 'must not have blanks or control characters'],
  ['https://example.com\\a', 'must not have backslashes'],
  ['https://example.com:0/', 'must have a port from 1 to 65535'],
  ['https://example.com:65536/', 'must be a URL'],
  ['https://exam*ple.com/', 'must have a valid host name'],
  ['https://10.0.0.1/', 'must have a host that may be called from here'],
  ['https://nats/', 'must have a host that may be called from here'],
];

test('the reason says what is wrong', () => {
  for (const [text, reason] of REASONS) {
    const verdict = checkUrl(text, policyWith());
    assert.equal(verdict.kind === 'refused' ? verdict.reason : verdict.kind, reason, text);
  }
  assert.equal(checkUrl(`https://example.com/${'a'.repeat(2_028)}`, policyWith()).kind, 'allowed');
});

test('an installation may ask for https', () => {
  const policy = policyWith({ requireHttps: true });
  assert.deepEqual(checkUrl('http://example.com/', policy), {
    kind: 'refused',
    reason: 'must begin with https://',
  });
  assert.equal(checkUrl('https://example.com/', policy).kind, 'allowed');
});
