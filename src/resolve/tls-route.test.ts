// VirtualService's tls on sidecars: connections of TLS go by the name that their client asks for.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { simulate } from './conformance/simulate.ts';
import { TYPE_URL } from './names.ts';
import { CLIENT, RulesWorld } from './rules-world.ts';

const ENTRY = `
kind: ServiceEntry
metadata: { name: out }
spec:
  hosts: ['*.example.com']
  addresses: [240.240.0.9]
  ports: [{ number: 443, name: tls, protocol: TLS }, { number: 80, name: tcp, protocol: TCP }]
  resolution: NONE
---
kind: Service
metadata: { name: egress }
spec: { clusterIP: 10.96.0.7, ports: [{ name: tls, port: 443 }] }`;

const routes = (tls: string, rest = ''): string => `
---
kind: VirtualService
metadata: { name: it }
spec: { hosts: ['*.example.com'], tls: ${tls} ${rest} }`;

const match = (names: string, rest = ''): string =>
  `{ match: [{ sniHosts: [${names}] ${rest} }], route: [{ destination: { host: egress } }] }`;

const EGRESS = 'outbound|443||egress.default.svc.cluster.local';
const ITSELF = 'outbound|443||*.example.com';

function reached({ catalog }: RulesWorld, sni: string, tls: 'tls' | 'plaintext' = 'tls'): string {
  const call = { address: '240.240.0.9', port: 443, tls, protocol: 'tcp', sni, alpn: '' } as const;
  const rest = { isInbound: false, host: '', path: '/', headers: {}, certificate: '' };
  const { refusal, cluster = '' } = simulate({ catalog, identity: CLIENT }, { ...call, ...rest });
  return refusal ?? cluster;
}

function listenersOf({ catalog }: RulesWorld): readonly string[] {
  const key = catalog.acquireWildcard(CLIENT, TYPE_URL.listener);
  catalog.settle();
  return catalog.wildcardNames(key).filter((name) => name.startsWith('240.'));
}

describe('a route of TLS', () => {
  test('takes the names that it asks for, and leaves all others to the service', () => {
    const it = new RulesWorld(
      `${ENTRY}${routes(`[${match("a.example.com, '*.b.example.com'")}]`)}`,
    );
    assert.equal(reached(it, 'a.example.com'), EGRESS);
    assert.equal(reached(it, 'x.b.example.com'), EGRESS);
    assert.equal(reached(it, 'c.example.com'), ITSELF);
    assert.equal(reached(it, '', 'plaintext'), ITSELF);
  });

  test('has a listener of the address, and only there', () => {
    const tls = routes(`[${match('a.example.com')}]`);
    assert.deepEqual(listenersOf(new RulesWorld(`${ENTRY}${tls}`)), ['240.240.0.9_443']);
    assert.deepEqual(listenersOf(new RulesWorld(ENTRY)), []);
    const other = routes(`[${match('a.example.com', ', port: 444')}]`);
    assert.deepEqual(listenersOf(new RulesWorld(`${ENTRY}${other}`)), []);
    const front = routes(`[${match('a.example.com')}]`, ', gateways: [front]');
    assert.deepEqual(listenersOf(new RulesWorld(`${ENTRY}${front}`)), []);
  });

  test('is for those whom its match means', () => {
    for (const [rest, expected] of [
      [', sourceLabels: { app: web }', EGRESS],
      [', sourceLabels: { app: other }', ITSELF],
      [', destinationSubnets: [240.240.0.0/16]', EGRESS],
      [', destinationSubnets: [10.0.0.0/8]', ITSELF],
    ] as const) {
      const it = new RulesWorld(`${ENTRY}${routes(`[${match('a.example.com', rest)}]`)}`);
      assert.equal(reached(it, 'a.example.com'), expected, rest);
    }
  });

  test('that leads elsewhere changes no listener', () => {
    const it = new RulesWorld(`${ENTRY}${routes(`[${match('a.example.com')}]`)}`);
    const versionOf = (): string | undefined => {
      const key = it.catalog.acquire(CLIENT, TYPE_URL.listener, '240.240.0.9_443');
      it.catalog.settle();
      return it.catalog.lookup(key)?.version;
    };
    const before = versionOf();
    assert(before);
    const nowhere = match('a.example.com').replace('host: egress', 'host: nobody');
    it.apply(routes(`[${nowhere}]`).replace('\n---\n', ''));
    assert.equal(versionOf(), before);
    assert.equal(reached(it, 'a.example.com'), 'BlackHoleCluster');
  });
});
