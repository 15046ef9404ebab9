/** Addresses of ours, as a resolver would write them. */
const DENIED_IPV4 = [
  ...['0.0.0.0', '0.1.2.3', '10.0.0.1', '10.255.255.255', '100.64.0.1', '100.127.255.254', '127.0.0.1'],
  ...['127.255.255.254', '169.254.169.254', '169.254.170.2', '172.16.0.1', '172.31.255.254', '192.0.0.8'],
  ...['192.0.2.1', '192.88.99.1', '192.168.0.1', '192.168.255.254', '198.18.0.1', '198.19.255.254'],
  ...['198.51.100.7', '203.0.113.9', '224.0.0.1', '239.255.255.255', '240.0.0.1', '255.255.255.255'],
];

/** Every way in which URL parsers read an IPv4 address. */
const IPV4_SPELLINGS: readonly ((parts: Parts) => string)[] = [
  ([a, b, c, d]) => `${a}.${b}.${c}.${d}`,
  ([a, b, c, d]) => `${a}.${b}.${c}.${d}.`,
  (parts) => `${toNumber(parts)}`,
  (parts) => `0x${toNumber(parts).toString(16)}`,
  (parts) => `0${toNumber(parts).toString(8)}`,
  (parts) => parts.map((part) => `0x${part.toString(16)}`).join('.'),
  (parts) => parts.map((part) => `0X000${part.toString(16).toUpperCase()}`).join('.'),
  (parts) => parts.map((part) => `0${part.toString(8)}`).join('.'),
  ([a, b, c, d]) => `${a}.${b}.${c * 256 + d}`,
  ([a, b, c, d]) => `${a}.${(b * 256 + c) * 256 + d}`,
  ([a, b, c, d]) => `0x${a.toString(16)}.0${b.toString(8)}.${c}.${d}`,
  (parts) => parts.join('%2e'),
  (parts) => parts.join('.').replace(/\d/g, (digit) => `%3${digit}`),
  (parts) => parts.join('.').replace(/\d/g, (digit) => String.fromCharCode(0xff10 + Number(digit))),
  (parts) => parts.join('\u3002'),
  (parts) => parts.join('\uff0e'),
  (parts) => parts.join('\uff61'),
  (parts) => `[::ffff:${parts.join('.')}]`,
  ([a, b, c, d]) => `[::FFFF:${hex(a * 256 + b)}:${hex(c * 256 + d)}]`,
  ([a, b, c, d]) => `[0:0:0:0:0:ffff:${hex(a * 256 + b)}:${hex(c * 256 + d)}]`,
  (parts) => `[::${parts.join('.')}]`,
  (parts) => `[64:ff9b::${parts.join('.')}]`,
  (parts) => `[64:ff9b:1::${parts.join('.')}]`,
  (parts) => `[::ffff:0:${parts.join('.')}]`,
  ([a, b, c, d]) => `[2002:${hex(a * 256 + b)}:${hex(c * 256 + d)}::1]`,
];

const DENIED_IPV6 = [
  ...['::', '::1', '0:0:0:0:0:0:0:1', '0000::0001', '::2', '100::1', '2001::1', '2001:1ff::1', '2001:db8::1'],
  ...[
    '2001:0DB8:0:0::1',
    '3fff::1',
    '3fff:fff::1',
    '4000::1',
    '5f00::1',
    'fc00::1',
    'fd00:ec2::254',
    'fdff::1',
  ],
  ...[
    'fe80::1',
    'febf::1',
    'fec0::1',
    'feff::1',
    'ff02::1',
    'FF0E::1',
    '64:ff9b::808:808',
    '2002:808:808::1',
  ],
];

const DENIED_NAMES = [
  ...[
    'localhost',
    'LOCALHOST',
    'LocalHost',
    'localhost.',
    'foo.localhost',
    'foo.localhost.',
    'nats',
    'clickhouse',
  ],
  ...[
    'metadata',
    'kubernetes.default.svc',
    'kubernetes.default.svc.',
    'analytics.millrace.svc.cluster.local',
  ],
  ...[
    'auth.millrace.svc.CLUSTER.LOCAL',
    'metadata.google.internal',
    'metadata.google.internal.',
    'ip-10-0-0-1.ec2.internal',
  ],
  ...[
    'printer.local',
    'printer.LOCAL.',
    'router.home.arpa',
    'l%6fcalhost',
    '%6c%6f%63%61%6c%68%6f%73%74',
    'loc\u24d0lhost',
  ],
  ...[
    '\uff4c\uff4f\uff43\uff41\uff4c\uff48\uff4f\uff53\uff54',
    'local\u00adhost',
    'foo\u3002localhost',
    'metadata\uff0egoogle\uff0einternal',
  ],
  ...[
    '\u{1d4c1}\u{1d4c4}\u{1d4b8}\u{1d4b6}\u{1d4c1}\u{1d4bd}\u{1d4c4}\u{1d4c8}\u{1d4c9}',
    'kubernetes%2edefault%2esvc',
    'localhost%2e',
  ],
];

/** URLs that hide where they lead by their form, or that no two programs read alike. */
const MALFORMED = [
  ...[
    '',
    'http',
    'http:',
    'http://',
    'https://',
    'http:///',
    'http://:PORT/',
    'http://?',
    'http://#',
    'http://[',
    'http://[]',
  ],
  ...[
    '//127.0.0.1:PORT/',
    '/hook',
    '127.0.0.1:PORT',
    'localhost:PORT',
    'http:127.0.0.1:PORT/',
    'http:/127.0.0.1:PORT/',
  ],
  ...[
    'http:\\\\127.0.0.1:PORT/',
    'http:/\\127.0.0.1:PORT/',
    'http://\\127.0.0.1:PORT/',
    'http://example.com\\@127.0.0.1:PORT/',
  ],
  ...[
    'http://example.com@127.0.0.1:PORT/',
    'http://example.com:80@127.0.0.1:PORT/',
    'http://@127.0.0.1:PORT/',
    'http://:@127.0.0.1:PORT/',
  ],
  ...[
    'http://user@example.com/',
    'http://user:password@example.com/',
    'http://127.0.0.1:PORT#@example.com/',
    'http://127.0.0.1:PORT/#x',
  ],
  ...[
    ' http://127.0.0.1:PORT/',
    'http://127.0.0.1:PORT/ ',
    'ht\ttp://127.0.0.1:PORT/',
    'http://127.0\n.0.1:PORT/',
    'http://127.0.0.1\r\n:PORT/',
  ],
  ...[
    'http://127.0.0.1:PORT/\r\nx-injected: 1',
    'http://127.0.0.1:PORT/a b',
    '\u0000http://127.0.0.1:PORT/',
    'http://127.0.0.1\u0000.example.com:PORT/',
  ],
  ...[
    'ftp://127.0.0.1:PORT/',
    'file:///etc/passwd',
    'gopher://127.0.0.1:PORT/_x',
    'ws://127.0.0.1:PORT/',
    'data:text/plain,x',
    'javascript:alert(1)',
  ],
  ...[
    'unix:/var/run/docker.sock',
    'http+unix://%2Fvar%2Frun%2Fdocker.sock/',
    'blob:http://127.0.0.1:PORT/x',
    'dict://127.0.0.1:PORT/',
  ],
  ...[
    'http://example.com:0/',
    'http://example.com:65536/',
    'http://example.com:-1/',
    'http://example.com:80:80/',
    'http://example.com:8o/',
  ],
  ...[
    'http://127.0.0.1.:PORT./',
    'http://127.0.0.1..:PORT/',
    'http://example..com/',
    'http://.example.com/',
    'http://example.com../',
  ],
  ...[
    'http://1.2.3.4.5:PORT/',
    'http://256.256.256.256:PORT/',
    'http://0x7f.0.0.0x:PORT/',
    'http://4294967296:PORT/',
    'http://127.0.0.1%00:PORT/',
  ],
  ...[
    'http://[::1%25lo]:PORT/',
    'http://[::1]x:PORT/',
    'http://[127.0.0.1]:PORT/',
    'http://[::ffff:127.0.0.1%lo]:PORT/',
    'http://::1:PORT/',
  ],
  ...[
    'http://exa*mple.com/',
    "http://exa'mple.com/",
    'http://example.com,127.0.0.1:PORT/',
    'http://exa$mple.com/',
    'http://exa{mple.com/',
  ],
  ...[
    `http://${'a'.repeat(64)}.example.com/`,
    `http://${'a.'.repeat(130)}example.com/`,
    `http://127.0.0.1:PORT/${'a'.repeat(2_048)}`,
  ],
  ...[
    'http://127.0.0.1:PORT&@example.com/',
    'http://127.0.0.1:PORT;@example.com/',
    'http://0:PORT/',
    'http://127.1:PORT/',
    'http://127.0.1:PORT/',
  ],
];

type Parts = readonly [number, number, number, number];

/** URLs that must be neither stored nor called, all of them for a server on `port` if they lead anywhere. */
export function hostileUrls(port: number): string[] {
  const hosts = [
    ...DENIED_IPV4.flatMap((address) => {
      const parts = address.split('.').map(Number) as unknown as Parts;
      return IPV4_SPELLINGS.map((spell) => spell(parts));
    }),
    ...DENIED_IPV6.map((address) => `[${address}]`),
    ...DENIED_NAMES,
  ];
  return [
    ...hosts.map((host) => `http://${host}:${port}/hook`),
    ...MALFORMED.map((url) => url.replaceAll('PORT', String(port))),
  ];
}

function toNumber([a, b, c, d]: Parts): number {
  return ((a * 256 + b) * 256 + c) * 256 + d;
}

function hex(value: number): string {
  return value.toString(16);
}
