import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseResolvConf } from './resolv-conf.ts';

test('a pod’s file', () => {
  const text = `
search library.svc.cluster.local svc.cluster.local cluster.local
nameserver 10.96.0.10
options ndots:5
`;
  assert.deepEqual(parseResolvConf(text), {
    upstreams: [{ address: '10.96.0.10', port: 53 }],
    search: ['library.svc.cluster.local', 'svc.cluster.local', 'cluster.local'],
    ndots: 5,
    problems: [],
  });
});

test('a VM’s file, with comments, IPv6, tabs and Windows line ends', () => {
  const text =
    '# made by a DHCP client\r\n; do not edit\r\nnameserver\t127.0.0.53 # stub\r\n' +
    'nameserver fe80::1%eth0\r\noptions edns0 trust-ad\r\nsearch Corp.Example. \r\n';
  assert.deepEqual(parseResolvConf(text), {
    upstreams: [
      { address: '127.0.0.53', port: 53 },
      { address: 'fe80::1%eth0', port: 53 },
    ],
    search: ['corp.example'],
    ndots: 1,
    problems: [],
  });
});

test('the last of domain and search counts; the root appends nothing', () => {
  assert.deepEqual(parseResolvConf('search a.b c.d\ndomain e.f').search, ['e.f']);
  assert.deepEqual(parseResolvConf('domain e.f\nsearch .').search, []);
});

test('what cannot be used is left out and said, with its line', () => {
  const text = [
    'nameserver example.com',
    'nameserver',
    'nameserver 10.0.0.1%;rm',
    'search ok a..b',
    'options ndots:99 ndots:x',
    'nameserver 10.0.0.1',
    'nameserver 10.0.0.2',
    'nameserver 10.0.0.3',
    'nameserver 10.0.0.4',
    'what is this',
  ].join('\n');
  const found = parseResolvConf(text);
  assert.deepEqual(
    found.upstreams.map(({ address }) => address),
    ['10.0.0.1', '10.0.0.2', '10.0.0.3'],
  );
  assert.deepEqual(found.search, ['ok']);
  assert.equal(found.ndots, 15);
  assert.deepEqual(found.problems, [
    'line 1: not an address: example.com',
    'line 2: not an address: (nothing)',
    'line 3: not an address: 10.0.0.1%',
    'line 4: not a domain: a..b',
    'line 9: more than 3 servers',
  ]);
});

test('a file that is no configuration is read no further than it deserves', () => {
  const { problems, upstreams } = parseResolvConf(`${' '.repeat(70_000)}\nnameserver 10.0.0.1`);
  assert.deepEqual(upstreams, []);
  assert.equal(problems.length, 1);
});
