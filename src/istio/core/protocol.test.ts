// Which protocol a port speaks: Istio's five rules (pkg/config/kube/conversion.go), and where we
// differ.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { entryProtocol, isHttp, kubeProtocol, protocolOf, TCP_PORTS } from './protocol.ts';
import type { Protocol } from './protocol.ts';

const UNREMARKABLE = 8080;

type Port = { readonly number?: number; readonly name?: string; readonly appProtocol?: string };

const speaks = ({ number = UNREMARKABLE, name = '', appProtocol = '' }: Port): Protocol =>
  kubeProtocol({ number, name, appProtocol, transport: 'TCP' });

describe('rule 1: UDP stays UDP, appProtocol wins over the name', () => {
  test('UDP is what the transport says it is, whatever else is said', () => {
    const port = { number: 53, name: 'http', appProtocol: 'http', transport: 'UDP' };
    assert.equal(kubeProtocol(port), 'udp');
  });

  test('a TCP port is not UDP by its name', () => {
    assert.equal(speaks({ name: 'udp-x' }), 'tcp');
  });

  const APP_PROTOCOLS: Readonly<Record<string, Protocol>> = {
    'kubernetes.io/h2c': 'http2',
    'kubernetes.io/ws': 'http',
    'kubernetes.io/wss': 'https',
    tcp: 'tcp',
    'grpc-web': 'grpc-web',
    HTTP2: 'http2',
    'example.com/own': 'auto',
  };
  for (const [appProtocol, wanted] of Object.entries(APP_PROTOCOLS)) {
    test(`appProtocol ${appProtocol} is ${wanted}, and the name does not count`, () => {
      assert.equal(speaks({ name: 'mysql', appProtocol }), wanted);
    });
  }

  const NAMES: Readonly<Record<string, Protocol>> = {
    tcp: 'tcp',
    'tcp-postgres': 'tcp',
    'TCP-x': 'tcp',
    http: 'http',
    'http2-web': 'http2',
    http_proxy: 'http-proxy',
    grpc: 'grpc',
    'grpc-x': 'grpc',
    'grpc-web': 'grpc-web',
    'grpc-web-x': 'grpc-web',
    'GRPC-Web': 'grpc-web',
    https: 'https',
    'tls-x': 'tls',
    mongo: 'mongo',
    mysql: 'mysql',
    'redis-cache': 'redis',
    '': 'auto',
    postgres: 'auto',
    db: 'auto',
    web: 'auto',
    httpx: 'auto',
  };
  for (const [name, wanted] of Object.entries(NAMES)) {
    test(`a port named "${name}" speaks ${wanted}`, () => assert.equal(speaks({ name }), wanted));
  }
});

describe('rule 2: well-known ports that say nothing are TCP', () => {
  test('Istio’s', () => {
    for (const number of [25, 53, 3306, 27_017]) assert.equal(speaks({ number }), 'tcp');
  });

  test('and ours: databases, queues, and everything whose server speaks first', () => {
    for (const number of [5432, 1433, 1521, 6379, 9042, 5672, 9092, 11_211, 22, 21, 5900]) {
      assert.equal(speaks({ number, name: 'db' }), 'tcp', String(number));
    }
  });

  test('a name that says something counts before the number', () => {
    assert.equal(speaks({ number: 5432, name: 'http' }), 'http');
    assert.equal(speaks({ number: 3306, appProtocol: 'kubernetes.io/h2c' }), 'http2');
  });

  test('numbers where HTTP is usual are looked at', () => {
    for (const number of [80, 443, 8080, 8443, 9080]) assert(!TCP_PORTS.has(number));
  });
});

describe('rule 3: a port of a ServiceEntry', () => {
  test('is what it declares, in any case', () => {
    assert.equal(entryProtocol({ number: 80, name: 'http', protocol: 'TCP' }), 'tcp');
    assert.equal(entryProtocol({ number: 80, name: 'x', protocol: 'gRPC-Web' }), 'grpc-web');
  });

  test('else what its name says', () => {
    assert.equal(entryProtocol({ number: 80, name: 'http-1', protocol: '' }), 'http');
    assert.equal(entryProtocol({ number: 80, name: 'x', protocol: '' }), 'auto');
    assert.equal(entryProtocol({ number: 5432, name: 'x', protocol: '' }), 'tcp');
  });

  test('declares nothing that there is not', () => assert.equal(protocolOf('sctp'), undefined));
});

test('rule 4: HTTPS, TLS and the protocols of databases are TCP to a proxy', () => {
  const tcp: readonly Protocol[] = ['https', 'tls', 'mysql', 'mongo', 'redis', 'tcp', 'udp'];
  assert(!tcp.some(isHttp));
  const http: readonly Protocol[] = ['grpc', 'grpc-web', 'http', 'http-proxy', 'http2'];
  assert(http.every(isHttp));
});

test('rule 5: only ports that say nothing are waited for, of which a server-first one is none', () => {
  assert(!isHttp('auto'));
  const serverFirst = [21, 22, 25, 110, 119, 143, 587, 3306, 4222, 5900];
  assert(serverFirst.every((number) => speaks({ number }) === 'tcp'));
});
