import assert from 'node:assert/strict';
import { test } from 'node:test';
import { entryProtocol, isHttp, kubeProtocol, protocolOf } from './protocol.ts';
import type { Protocol } from './protocol.ts';

type Case = readonly [name: string, wanted: Protocol, number?: number, appProtocol?: string];

const CASES: readonly Case[] = [
  ['tcp', 'tcp'],
  ['tcp-postgres', 'tcp'],
  ['TCP-x', 'tcp'],
  ['http', 'http'],
  ['http2-web', 'http2'],
  ['grpc', 'grpc'],
  ['grpc-web', 'grpc-web'],
  ['grpc-web-x', 'grpc-web'],
  ['grpc-x', 'grpc'],
  ['http_proxy', 'http-proxy'],
  ['https', 'https'],
  ['tls-x', 'tls'],
  ['mysql', 'mysql'],
  ['redis-cache', 'redis'],
  ['udp-x', 'tcp'],
  ['', 'auto'],
  ['postgres', 'auto'],
  ['web', 'auto'],
  ['', 'tcp', 3306],
  ['', 'tcp', 5432],
  ['db', 'tcp', 5432],
  ['http', 'http', 5432],
  ['web', 'http2', 80, 'kubernetes.io/h2c'],
  ['web', 'http', 80, 'kubernetes.io/ws'],
  ['web', 'https', 80, 'kubernetes.io/wss'],
  ['http', 'tcp', 80, 'tcp'],
  ['http', 'auto', 80, 'example.com/own'],
];

for (const [name, wanted, number = 8080, appProtocol = ''] of CASES) {
  test(`port ${number} "${name}" ${appProtocol} speaks ${wanted}`, () => {
    assert.equal(kubeProtocol({ number, name, appProtocol, transport: 'TCP' }), wanted);
  });
}

test('UDP stays UDP', () => {
  const port = { number: 53, name: 'http', appProtocol: 'http', transport: 'UDP' };
  assert.equal(kubeProtocol(port), 'udp');
});

test("a ServiceEntry's port: what it declares, else what its name says", () => {
  assert.equal(entryProtocol({ number: 80, name: 'http', protocol: 'TCP' }), 'tcp');
  assert.equal(entryProtocol({ number: 80, name: 'http', protocol: '' }), 'http');
  assert.equal(entryProtocol({ number: 80, name: 'x', protocol: '' }), 'auto');
  assert.equal(protocolOf('sctp'), undefined);
});

test('which of them are HTTP', () => {
  const all = CASES.map(([, protocol]) => protocol);
  const http = [...new Set(all.filter(isHttp))].toSorted();
  assert.deepEqual(http, ['grpc', 'grpc-web', 'http', 'http-proxy', 'http2']);
});
