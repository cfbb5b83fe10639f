// What a DestinationRule makes of calls: who is spoken to in mesh TLS, and who is not.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ClusterSchema } from '#gen/envoy/config/cluster/v3/cluster_pb.js';
import { parseDestinationRule } from '#istio/destinationrule/destination-rule.ts';
import type { DestinationPolicy } from '#model/mesh.ts';
import { clientSecurity } from './client-policy.ts';
import { call, client, HOST, library, SERVER, VIP, VM } from './fake-library.ts';
import { fakeEndpoint, fakeService } from './fake-mesh.ts';
import { destinationClusterName, TYPE_URL } from './names.ts';
import { ask, decode } from './simulate-call.ts';

/** What the rule with this `trafficPolicy` and these `subsets` says. */
function policyOf(spec: object): DestinationPolicy {
  const metadata = { name: 'it', namespace: 'default' };
  const result = parseDestinationRule({ metadata, spec: { host: HOST, ...spec } });
  assert(result.ok, JSON.stringify(result));
  return result.value;
}

const ofTls = (tls: object): DestinationPolicy => policyOf({ trafficPolicy: { tls } });

const SERVER_ID = 'spiffe://cluster.local/ns/default/sa/db';
const SNI = `outbound_.5432_._.${HOST}`;
const encrypted = { sni: SNI, identities: [SERVER_ID] };

describe('a call under a DestinationRule is', () => {
  /** Two endpoints, of which one has no sidecar. */
  function twoEndpoints() {
    const { mesh, catalog } = library();
    const bare = fakeEndpoint(SERVER, {
      address: '10.128.0.15',
      port: 5432,
      tlsMode: 'disabled',
      serviceAccount: '',
    });
    mesh.endpoints.set(`default/${HOST}`, {
      byPort: new Map([[5432, [fakeEndpoint(SERVER, { port: 5432 }), bare]]]),
      headlessAddresses: [],
    });
    const tls = (address = VIP) => call(catalog, address).endpoints.map((endpoint) => endpoint.tls);
    return { mesh, catalog, tls };
  }

  test('in mesh TLS to every endpoint, whatever they say of themselves', () => {
    const { mesh, tls } = twoEndpoints();
    assert.deepEqual(tls(), [encrypted, undefined]);
    mesh.rules.set(HOST, ofTls({ mode: 'ISTIO_MUTUAL' }));
    assert.deepEqual(tls(), [encrypted, encrypted]);
    mesh.setConfig({ enableAutoMtls: false });
    assert.deepEqual(tls(), [encrypted, encrypted]);
    mesh.rules.delete(HOST);
    assert.deepEqual(tls(), [undefined, undefined]);
  });

  test('in plaintext, where the rule says so', () => {
    const { mesh, tls } = twoEndpoints();
    mesh.rules.set(HOST, ofTls({ mode: 'DISABLE' }));
    assert.deepEqual(tls(), [undefined, undefined]);
    mesh.rules.set(HOST, ofTls({}));
    assert.deepEqual(tls(), [undefined, undefined], 'without a mode, too');
  });

  test('as each endpoint can, where the rule says nothing of TLS', () => {
    const { mesh, tls } = twoEndpoints();
    const loadBalancer = { simple: 'RANDOM' };
    mesh.rules.set(HOST, policyOf({ trafficPolicy: { loadBalancer } }));
    assert.deepEqual(tls(), [encrypted, undefined]);
  });

  test('for the identities and the name that the rule has', () => {
    const { mesh, tls } = twoEndpoints();
    const rule = { mode: 'ISTIO_MUTUAL', sni: 'db.example.com', subjectAltNames: ['spiffe://x/y'] };
    mesh.rules.set(HOST, ofTls(rule));
    const other = { sni: 'db.example.com', identities: ['spiffe://x/y'] };
    assert.deepEqual(tls(), [other, other]);
  });

  test('the same by the address of one endpoint', () => {
    const { mesh, tls } = twoEndpoints();
    mesh.rules.set(HOST, ofTls({ mode: 'DISABLE' }));
    assert.deepEqual(tls(VM), [undefined]);
  });

  test('in mesh TLS to whatever address the client chose, where nobody knows of endpoints', () => {
    const { mesh, catalog } = library();
    const service = fakeService({ host: HOST, port: 5432, resolution: 'none', isExternal: true });
    mesh.services.set(service.key, service);
    mesh.owners.set(VIP, { kind: 'service', service });
    mesh.rules.set(HOST, ofTls({ mode: 'ISTIO_MUTUAL' }));
    const isEncrypted = (): boolean => {
      const name = destinationClusterName({ address: VIP, port: 5432 });
      const answer = ask(catalog, { proxy: client, typeUrl: TYPE_URL.cluster, name });
      assert(answer);
      return decode(ClusterSchema, answer).transportSocket !== undefined;
    };
    assert.equal(call(catalog, VIP).isPassthrough, true);
    assert.equal(isEncrypted(), true);
    mesh.rules.delete(HOST);
    assert.equal(isEncrypted(), false);
  });

  test('refused, rather than in plaintext, where TLS of another kind is asked for', () => {
    const { mesh, catalog } = library();
    for (const mode of ['SIMPLE', 'MUTUAL']) {
      mesh.rules.set(HOST, ofTls({ mode, credentialName: 'remote' }));
      for (const address of [VIP, VM]) {
        assert.equal(call(catalog, address).cluster, 'BlackHoleCluster');
        const name = destinationClusterName({ address, port: 5432 });
        const key = catalog.acquire(client, TYPE_URL.cluster, name);
        catalog.settle();
        assert(catalog.isKnown(key), 'it means something, and counts as such');
      }
    }
  });
});

describe('the TLS of a port', () => {
  const modes = (spec: object, subset = ''): Readonly<Record<string, string>> => {
    const rule = policyOf(spec);
    return Object.fromEntries(
      [1, 2].map((port) => [port, clientSecurity(rule, { port, subset }).kind]),
    );
  };
  const mutual = { tls: { mode: 'ISTIO_MUTUAL' } };
  const disabled = { tls: { mode: 'DISABLE' } };
  const forPort = (number: number, settings: object) => ({
    portLevelSettings: [{ port: { number }, ...settings }],
  });

  test('is the port’s own where it has settings of its own, and nothing else', () => {
    const spec = { trafficPolicy: { ...mutual, ...forPort(1, disabled) } };
    assert.deepEqual(modes(spec), { 1: 'plaintext', 2: 'mesh' });
  });

  test('is not said where the port’s own settings do not say it', () => {
    const pool = { connectionPool: { tcp: { maxConnections: 1 } } };
    const spec = { trafficPolicy: { ...mutual, ...forPort(1, pool) } };
    assert.deepEqual(modes(spec), { 1: 'automatic', 2: 'mesh' });
  });

  test('is a subset’s before the rule’s, which holds where the subset is silent', () => {
    const subsets = [
      { name: 'own', trafficPolicy: disabled },
      { name: 'silent', trafficPolicy: { loadBalancer: { simple: 'RANDOM' } } },
      { name: 'bare' },
      { name: 'port', trafficPolicy: forPort(1, { loadBalancer: { simple: 'RANDOM' } }) },
    ];
    const spec = { trafficPolicy: mutual, subsets };
    assert.deepEqual(modes(spec, 'own'), { 1: 'plaintext', 2: 'plaintext' });
    assert.deepEqual(modes(spec, 'silent'), { 1: 'mesh', 2: 'mesh' });
    assert.deepEqual(modes(spec, 'bare'), { 1: 'mesh', 2: 'mesh' });
    assert.deepEqual(modes(spec, 'port'), { 1: 'automatic', 2: 'mesh' });
  });
});
