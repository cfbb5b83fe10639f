// VirtualService's tcp on sidecars: the one cluster behind an address is what the routes lead to.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { outboundSni } from './names.ts';
import { RulesWorld } from './rules-world.ts';

const host = (name: string): string => `${name}.default.svc.cluster.local`;

const database = (name: string, index: number): string => `
---
kind: Service
metadata: { name: ${name} }
spec: { clusterIP: 10.96.0.${index}, ports: [{ name: tcp, port: 5432 }], selector: { db: ${name} } }
---
kind: WorkloadEntry
metadata: { name: ${name}-a }
spec: { address: 10.1.0.${index}, serviceAccount: ${name}, labels: { db: ${name}, version: v1 } }
---
kind: WorkloadEntry
metadata: { name: ${name}-b }
spec: { address: 10.2.0.${index}, labels: { db: ${name}, version: v2 } }`;

const virtualService = (tcp: string, rest = ''): string => `
---
kind: VirtualService
metadata: { name: it }
spec: { hosts: [main]${rest}, tcp: ${tcp} }`;

const RULE = `
---
kind: DestinationRule
metadata: { name: it }
spec: { host: spare, subsets: [{ name: v1, labels: { version: v1 } }] }`;

const world = (...objects: readonly string[]): RulesWorld =>
  new RulesWorld([database('main', 1), database('spare', 2), ...objects].join('').slice(4));

const DIALLED = 'dst|10.96.0.1:5432';
const to = (destination: string): string => `route: [{ destination: { host: ${destination} } }]`;

describe('a route of TCP', () => {
  test('has its destination instead of the service that was dialled', () => {
    const it = world(virtualService(`[{ ${to('spare')} }]`));
    assert.equal(it.kindOf(DIALLED), `EDS outbound|5432||${host('spare')}`);
    assert.deepEqual(it.told(DIALLED), [['10.1.0.2:5432 1', '10.2.0.2:5432 1']]);
    assert.equal(it.tls(DIALLED)?.sni, outboundSni({ host: host('spare'), port: 5432 }));
  });

  test('may lead to a subset', () => {
    const it = world(virtualService(`[{ ${to('spare, subset: v1')} }]`), RULE);
    assert.equal(it.kindOf(DIALLED), `EDS outbound|5432|v1|${host('spare')}`);
    assert.deepEqual(it.told(DIALLED), [['10.1.0.2:5432 1']]);
  });

  test('refuses where it leads to nothing that there is', () => {
    for (const destination of ['nobody', 'spare, subset: v9', 'spare, port: { number: 1 }']) {
      const it = world(virtualService(`[{ ${to(destination)} }]`), RULE);
      assert.equal(it.kindOf(DIALLED), 'STATIC BlackHoleCluster', destination);
    }
  });

  test('is the first whose match fits the connection', () => {
    const own = `EDS outbound|5432||${host('main')}`;
    const spare = `EDS outbound|5432||${host('spare')}`;
    for (const [match, expected] of [
      ['{ port: 5432 }', spare],
      ['{ port: 5433 }', own],
      ['{ sourceLabels: { app: web } }', spare],
      ['{ sourceLabels: { app: other } }', own],
      ['{ sourceNamespace: default }', spare],
      ['{ sourceNamespace: shop }', own],
      ['{ destinationSubnets: [10.96.0.0/24] }', spare],
      ['{ destinationSubnets: [10.97.0.0/24] }', own],
      ['{ gateways: [mesh] }', spare],
      ['{ gateways: [front] }', own],
    ] as const) {
      const it = world(virtualService(`[{ match: [${match}], ${to('spare')} }]`));
      assert.equal(it.kindOf(DIALLED), expected, match);
    }
  });

  test('is no sidecar’s when it is a gateway’s', () => {
    const it = world(virtualService(`[{ ${to('spare')} }]`, ', gateways: [front]'));
    assert.equal(it.kindOf(DIALLED), `EDS outbound|5432||${host('main')}`);
  });

  test('shares connections out by weight, and speaks to each destination as it wants', () => {
    const route = `[{ destination: { host: main }, weight: 90 }, { destination: { host: spare, subset: v1 }, weight: 10 }]`;
    const it = world(virtualService(`[{ route: ${route} }]`), RULE);
    assert.equal(it.kindOf(DIALLED), `STATIC outbound|5432||${host('main')}`);
    const groups = it.assignment(DIALLED)?.endpoints ?? [];
    assert.deepEqual(
      groups.map(({ locality, loadBalancingWeight, lbEndpoints }) => [
        locality?.subZone,
        loadBalancingWeight,
        lbEndpoints.map(({ metadata }) => metadata?.filterMetadata['envoy.transport_socket_match']),
      ]),
      [
        [
          'destination-0',
          90,
          [{ tlsMode: 'istio', destination: 'destination-0' }, { destination: 'destination-0' }],
        ],
        ['destination-1', 10, [{ tlsMode: 'istio', destination: 'destination-1' }]],
      ],
    );
    const { transportSocketMatches, commonLbConfig } = it.cluster(DIALLED);
    assert.equal(commonLbConfig?.localityConfigSpecifier.case, 'localityWeightedLbConfig');
    assert.deepEqual(
      transportSocketMatches.map(({ name, match }) => [name, match]),
      [
        ['tlsMode-istio-destination-0', { tlsMode: 'istio', destination: 'destination-0' }],
        ['tlsMode-disabled-destination-0', { destination: 'destination-0' }],
        ['tlsMode-istio-destination-1', { tlsMode: 'istio', destination: 'destination-1' }],
        ['tlsMode-disabled-destination-1', { destination: 'destination-1' }],
      ],
    );
  });

  test('leaves the whole to those destinations that there are', () => {
    const route = `[{ destination: { host: nobody }, weight: 90 }, { destination: { host: spare }, weight: 10 }]`;
    const it = world(virtualService(`[{ route: ${route} }]`));
    assert.equal(it.kindOf(DIALLED), `EDS outbound|5432||${host('spare')}`);
  });

  test('is imported together with what it leads to', () => {
    const sidecar = `
---
kind: Sidecar
metadata: { name: it }
spec: { egress: [{ hosts: ['./${host('main')}'] }] }`;
    const spare = `outbound|5432||${host('spare')}`;
    assert.equal(world(sidecar).kindOf(spare), 'STATIC BlackHoleCluster');
    const it = world(sidecar, virtualService(`[{ ${to('spare')} }]`));
    assert.equal(it.kindOf(DIALLED), `EDS ${spare}`);
    assert.equal(it.kindOf(spare), `EDS ${spare}`);
    assert.deepEqual(it.told(spare), [['10.1.0.2:5432 1', '10.2.0.2:5432 1']]);
  });
});
