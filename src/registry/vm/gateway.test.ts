import assert from 'node:assert/strict';
import { test } from 'node:test';
import { OperatorError } from '#base/operator-error.ts';
import type { KubeObject } from '#kube/objects.ts';
import { findGateway } from './gateway.ts';

type Parts = {
  readonly ingress?: readonly object[];
  readonly ports?: readonly number[];
  readonly externalIPs?: readonly string[];
};

const service = (name: string, parts: Parts = {}): KubeObject => ({
  metadata: { name, namespace: 'istio-system' },
  spec: {
    ports: (parts.ports ?? [80, 15_012]).map((port) => ({ port })),
    externalIPs: parts.externalIPs ?? [],
  },
  status: { loadBalancer: { ingress: parts.ingress } },
});

test('what leads to the control plane', () => {
  const ingress = service('istio-ingressgateway', { ingress: [{ ip: '203.0.113.10' }] });
  const eastWest = service('istio-eastwestgateway', { ingress: [{ hostname: 'EW.example.org' }] });
  const find = (...services: readonly KubeObject[]) => findGateway(services, 'istio-system');
  assert.equal(find(ingress), '203.0.113.10');
  assert.equal(find(ingress, eastWest), 'ew.example.org');
  const pending = service('istio-eastwestgateway');
  assert.equal(find(pending, ingress), '203.0.113.10');
  const web = service('istio-eastwestgateway', { ingress: [{ ip: '203.0.113.9' }], ports: [80] });
  assert.equal(find(web, ingress), '203.0.113.10', 'the port is what counts');
  assert.equal(
    find(service('istio-ingressgateway', { externalIPs: ['2001:DB8::1'] })),
    '2001:db8::1',
  );
});

test('where there is none, it says why and what to do', () => {
  const rows: readonly (readonly [readonly KubeObject[], RegExp, RegExp])[] = [
    [[], /^no gateway in istio-system leads/, /deploy\/gateway, or .*--gateway IP/],
    [[service('other', { ingress: [{ ip: '203.0.113.9' }] })], /^no gateway/, /--gateway IP/],
    [[service('istio-ingressgateway')], /istio-ingressgateway has no address yet/, /wait/],
  ];
  for (const [services, message, remedy] of rows) {
    assert.throws(
      () => findGateway(services, 'istio-system'),
      (error) => {
        assert(error instanceof OperatorError);
        assert.equal(error.code, 'NOT_FOUND');
        assert.match(error.message, message);
        assert.match(error.remedy, remedy);
        return true;
      },
    );
  }
});
