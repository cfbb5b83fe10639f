import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { renderIp } from '#base/ip.ts';
import {
  destinationClusterName,
  gatewayRoutesName,
  inboundName,
  outboundName,
  parseDestinationClusterName,
  parseGatewayRoutesName,
  parseInboundName,
  parseOutboundName,
  parseRbacName,
  rbacName,
} from './names.ts';

const port = fc.integer({ min: 1, max: 65_535 });
const address = fc.oneof(
  fc.bigInt({ min: 0n, max: 0xffff_ffffn }).map((value) => renderIp({ version: 4, value })),
  fc
    .bigInt({ min: 1n << 64n, max: (1n << 128n) - 1n })
    .map((value) => renderIp({ version: 6, value })),
);

test('every name is read back as it was written', () => {
  fc.assert(
    fc.property(address, port, (address, port) => {
      const destination = { address, port };
      const service = { host: 'db.default.svc.cluster.local', port, subset: 'v1' };
      assert.deepEqual(
        parseDestinationClusterName(destinationClusterName(destination)),
        destination,
      );
      assert.deepEqual(parseOutboundName(outboundName(service)), service);
      const { subset: _, ...whole } = service;
      assert.deepEqual(parseOutboundName(outboundName(whole)), { ...whole, subset: '' });
      for (const bind of ['', address]) {
        const table = { bind, port };
        assert.deepEqual(parseGatewayRoutesName(gatewayRoutesName(table)), table);
      }
      assert.equal(parseInboundName(inboundName(port)), port);
      assert.deepEqual(parseRbacName(rbacName('deny', port)), { kind: 'deny', port });
    }),
    { numRuns: 200 },
  );
});

test('the passthrough chains have a policy name of their own', () => {
  assert.equal(rbacName('allow', 'passthrough'), 'rbac-allow|passthrough');
  assert.deepEqual(parseRbacName('rbac-allow|passthrough'), { kind: 'allow', port: 'passthrough' });
});

for (const name of [
  '',
  'dst|',
  'dst|10.0.0.5',
  'dst|10.0.0.5:0',
  'dst|10.0.0.5:080',
  'dst|10.0.0.5:65536',
  'dst|010.0.0.5:80',
  'dst|10.0.0.5:80 ',
  'dst|[10.0.0.5]x:80',
  'dst|[10.0.0.5]:80',
  'dst|[::ffff:10.0.0.5]:80',
  'dst|[::0001]:80',
  'dst|::1:80',
  'dst|/run/socket',
  'outbound|80||a',
]) {
  test(`"${name}" is no destination`, () => {
    assert.equal(parseDestinationClusterName(name), undefined);
  });
}

for (const name of ['outbound|80|v_1|a', 'outbound|0||a', 'outbound|80||', 'outbound|80||a|b']) {
  test(`"${name}" is no service port`, () => assert.equal(parseOutboundName(name), undefined));
}

for (const name of [
  'rbac-audit|80',
  'rbac-deny|',
  'rbac-deny|0',
  'rbac-deny|80|x',
  'rbac-deny|x',
]) {
  test(`"${name}" is no policy`, () => assert.equal(parseRbacName(name), undefined));
}
