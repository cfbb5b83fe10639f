import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { apply, meshOf, remove } from './mesh-of.ts';
import type { Mesh } from './mesh.ts';

const pod = (name: string, marks: string, labels = 'istio: ingress') => `
kind: Pod
metadata: { name: ${name}, namespace: edge, labels: { ${labels} }, ${marks} }
status: { podIP: 10.24.0.9 }`;

const MARKED = 'annotations: { inject.istio.io/templates: "sidecar, gateway" }';

const SERVICE = `
kind: Service
metadata: { name: ingress, namespace: edge }
spec:
  clusterIP: 10.96.0.9
  selector: { istio: ingress }
  ports:
    - { name: http, port: 80, targetPort: 8080 }
    - { name: more, port: 81, targetPort: 8080 }`;

type Server = { readonly number: number; readonly protocol?: string; readonly rest?: string };

function gateway(
  name: string,
  servers: readonly Server[],
  { selector = '{ istio: ingress }', created = '2026-01-01' } = {},
): string {
  const list = servers.map(({ number, protocol = 'HTTP', rest = '' }, index) => {
    return `{ port: { number: ${number}, name: p${index}, protocol: ${protocol} }, hosts: ['*.a']${rest} }`;
  });
  return `
kind: Gateway
metadata: { name: ${name}, namespace: apps, creationTimestamp: ${created}T00:00:00Z }
spec: { selector: ${selector}, servers: [${list.join()}] }`;
}

const meshWith = (...objects: readonly string[]): Mesh => {
  const mesh = meshOf(objects.join('\n---\n'));
  assert.deepEqual([...mesh.rejections.entries()], []);
  return mesh;
};

/** `<bind>:<port> <kind> <gateway>#<server>…`, one for each port. */
const listening = (mesh: Mesh, name = 'gw') =>
  mesh.gatewayPorts(`Pod/edge/${name}`)?.map(({ bind, port, kind, servers }) => {
    const refs = servers.map(({ gateway, index }) => `${gateway}#${index}`);
    return `${bind}:${port} ${kind} ${refs.join(' ')}`;
  });

const PASSTHROUGH = { protocol: 'TLS', rest: ', tls: { mode: PASSTHROUGH }' };

describe('a gateway is', () => {
  test('who says so, by annotation or label, and nobody else', () => {
    const label = 'istio: ingress, gateway.networking.k8s.io/gateway-name: x';
    const mesh = meshWith(
      pod('gw', MARKED),
      pod('labelled', '', label),
      pod('sidecar', 'annotations: { inject.istio.io/templates: sidecar }'),
      gateway('a', [{ number: 80 }]),
    );
    assert.deepEqual(listening(mesh), [':80 http apps/a#0']);
    assert.deepEqual(listening(mesh, 'labelled'), [':80 http apps/a#0']);
    assert.equal(listening(mesh, 'sidecar'), undefined);
    assert.equal(listening(mesh, 'nobody'), undefined);
  });

  test('selected by all labels of a Gateway of any namespace, or by no label at all', () => {
    const selectors: readonly (readonly [string, boolean])[] = [
      ['{ istio: ingress }', true],
      ['{}', true],
      ['{ istio: egress }', false],
      ['{ istio: ingress, tier: edge }', false],
    ];
    for (const [selector, isSelected] of selectors) {
      const mesh = meshWith(pod('gw', MARKED), gateway('a', [{ number: 80 }], { selector }));
      assert.equal(listening(mesh)?.length, Number(isSelected), selector);
    }
  });
});

describe('the port that a gateway listens on is', () => {
  test('what its Service maps the server’s port to', () => {
    const mesh = meshWith(pod('gw', MARKED), SERVICE, gateway('a', [{ number: 80 }]));
    assert.deepEqual(listening(mesh), [':8080 http apps/a#0']);
  });

  test('each that the services which a Gateway names map it to, and no other', () => {
    const named = (host: string): string => `
kind: Gateway
metadata:
  name: a
  namespace: edge
  annotations: { internal.istio.io/gateway-service: '${host}' }
spec:
  servers:
    - { port: { number: 80, name: a, protocol: HTTP }, hosts: ['*.a'] }
    - { port: { number: 82, name: b, protocol: HTTP }, hosts: ['*.a'] }`;
    const other = SERVICE.replace('name: ingress', 'name: other')
      .replace('10.96.0.9', '10.96.0.10')
      .replaceAll('targetPort: 8080', 'targetPort: 8081');
    const of = (host: string) =>
      listening(meshWith(pod('gw', MARKED), SERVICE, other, named(host)));
    const own = 'ingress.edge.svc.cluster.local';
    assert.deepEqual(of(own), [':8080 http edge/a#0']);
    const both = `${own}, other.edge.svc.cluster.local`;
    assert.deepEqual(of(both), [':8080 http edge/a#0', ':8081 http edge/a#0']);
    assert.deepEqual(of('ingress.apps.svc.cluster.local'), []);
  });

  test('its own where the Service opts out of being mapped', () => {
    const label = "labels: { experimental.istio.io/disable-gateway-port-translation: 'true' }";
    const service = SERVICE.replace('namespace: edge }', `namespace: edge, ${label} }`);
    const mesh = meshWith(pod('gw', MARKED), service, gateway('a', [{ number: 80 }]));
    assert.deepEqual(listening(mesh), [':80 http apps/a#0']);
  });

  test('shared by servers of HTTP, the oldest Gateway’s first', () => {
    const mesh = meshWith(
      pod('gw', MARKED),
      SERVICE,
      gateway('b', [{ number: 80 }], { created: '2026-01-01' }),
      gateway('a', [{ number: 81 }, { number: 80 }], { created: '2026-01-02' }),
    );
    assert.deepEqual(listening(mesh), [':8080 http apps/b#0 apps/a#0 apps/a#1']);
  });

  test('shared by names of TLS, but not by TLS and HTTP, nor by anything of plain TCP', () => {
    const mesh = meshWith(
      pod('gw', MARKED),
      gateway('a', [
        { number: 443, ...PASSTHROUGH },
        { number: 443, ...PASSTHROUGH },
        { number: 443 },
        { number: 90, protocol: 'TCP' },
        { number: 90, protocol: 'TCP' },
      ]),
    );
    assert.deepEqual(listening(mesh), [':90 tcp apps/a#3', ':443 tls apps/a#0 apps/a#1']);
  });

  test('another where the server is bound to an address', () => {
    const mesh = meshWith(
      pod('gw', MARKED),
      gateway('a', [{ number: 80 }, { number: 80, protocol: 'TCP', rest: ', bind: 10.0.0.1' }]),
    );
    assert.deepEqual(listening(mesh), [':80 http apps/a#0', '10.0.0.1:80 tcp apps/a#1']);
  });

  test('none for TLS by a Secret of another place: that is not acted on', () => {
    const tls = ', tls: { mode: SIMPLE, credentialName: "kubernetes://other/c" }';
    const mesh = meshWith(
      pod('gw', MARKED),
      gateway('a', [{ number: 443, protocol: 'HTTPS', rest: tls }]),
    );
    assert.deepEqual(listening(mesh), []);
    const [remark] = mesh.remarks.get('gateways.networking.istio.io/apps/a')?.remarks ?? [];
    assert.deepEqual(remark, {
      field: 'spec.servers[0]',
      message: 'TLS of SIMPLE with such a certificate is not acted on yet: no server',
    });
  });

  test('followed when Services, Gateways and Pods come and go', () => {
    const mesh = meshWith(pod('gw', MARKED), gateway('a', [{ number: 80 }]));
    apply(mesh, SERVICE);
    assert.deepEqual(listening(mesh), [':8080 http apps/a#0']);
    remove(mesh, gateway('a', []));
    assert.deepEqual(listening(mesh), []);
    remove(mesh, pod('gw', MARKED));
    assert.equal(listening(mesh), undefined);
  });
});

test('the routes of a Gateway are those that name it and are for its proxies, oldest first', () => {
  const route = (
    name: string,
    gateways: string,
    { in: namespace = 'apps', created = 1, rest = '' },
  ) => `
kind: VirtualService
metadata:
  name: ${name}
  namespace: ${namespace}
  creationTimestamp: 2026-01-0${created}T00:00:00Z
spec:
  hosts: [a.example]
  gateways: ${gateways}
  http: [{ route: [{ destination: { host: a } }] }]
  ${rest}`;
  const mesh = meshWith(
    route('young', '[a]', { created: 3 }),
    route('old', '[apps/a, other]', { in: 'shop', created: 1 }),
    route('qualified', '[a.apps.svc.cluster.local]', { in: 'shop', created: 2 }),
    route('elsewhere', '[a]', { in: 'shop' }),
    route('mesh', '[mesh]', {}),
    route('hidden', '[a]', { rest: 'exportTo: ["."]' }),
  );
  const names = (namespace: string) =>
    mesh.virtualServicesOf('apps/a', namespace).map(({ name }) => name);
  assert.deepEqual(names('edge'), ['old', 'qualified', 'young']);
  assert.deepEqual(names('apps'), ['hidden', 'old', 'qualified', 'young']);
});
