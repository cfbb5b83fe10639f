// What a resolv.conf means to the proxy. The proxy itself is tested behind real capture rules, in
// test/e2e/names.test.ts.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseAgentConfig } from './config.ts';
import { planDns } from './dns.ts';

function plan(resolvConf: string, env: Readonly<Record<string, string>> = {}) {
  const input = { argv: [], hostname: 'vm', readFile: () => undefined };
  const { node, dns } = parseAgentConfig({ ...input, env, parseYaml: () => undefined });
  assert(dns);
  return planDns(resolvConf, { node, dns });
}

test('on a VM nobody but the mesh knows the cluster’s domain', () => {
  const { zone, upstreams } = plan('nameserver 10.0.0.2\nsearch corp.example\n', {
    POD_NAMESPACE: 'library',
  });
  assert.deepEqual(zone, {
    namespace: 'library',
    clusterDomain: 'cluster.local',
    search: ['corp.example'],
    authoritative: ['cluster.local'],
  });
  assert.deepEqual(upstreams, [{ address: '10.0.0.2', port: 53 }]);
});

test('beside the cluster’s own DNS server that one answers for what the mesh does not know', () => {
  const { zone } = plan('nameserver 10.96.0.10\nsearch default.svc.cluster.local cluster.local\n');
  assert.deepEqual(zone.authoritative, []);
});

test('who is asked, and who is believed, can be said', () => {
  const env = { ISTHMUS_DNS_AUTHORITATIVE: 'none', ISTHMUS_DOMAIN: 'a.svc.mesh.example' };
  const { zone } = plan('nameserver 10.0.0.2\n', env);
  assert.deepEqual(zone.authoritative, []);
  assert.equal(zone.clusterDomain, 'mesh.example');
});

test('without a resolver it is the local one, as resolv.conf(5) has it', () => {
  const { zone, upstreams } = plan('search default.svc.cluster.local\n');
  assert.deepEqual(upstreams, [{ address: '127.0.0.1', port: 53 }]);
  assert.deepEqual(zone.authoritative, ['cluster.local'], 'there is no cluster DNS, then');
});
