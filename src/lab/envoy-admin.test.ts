import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  parseCertificates,
  parseClusterTls,
  parseDraining,
  parseDrainMs,
  parseEnvoyPid,
  parseFilterChains,
} from './envoy-admin.ts';

test('the own certificates, each once, without the roots', () => {
  const own = { serial_number: '4f', subject_alt_names: [{ uri: 'spiffe://cluster.local/x' }] };
  const certificates = [
    { ca_cert: [{ serial_number: '01', subject_alt_names: [{ uri: 'no' }] }], cert_chain: [own] },
    { ca_cert: [], cert_chain: [own, { serial_number: '77', subject_alt_names: [] }] },
  ];
  assert.deepEqual(parseCertificates(JSON.stringify({ certificates })), [
    { serialNumber: '4f', uri: 'spiffe://cluster.local/x' },
  ]);
  assert.deepEqual(parseCertificates('{}'), []);
});

test('filter chains in force, not those that warm up', () => {
  const listener = (chain: string) => ({ listener: { filter_chains: [{ name: chain }] } });
  const configs = [
    { name: 'virtualInbound', active_state: listener('a'), warming_state: listener('b') },
    { name: 'virtualOutbound', warming_state: listener('c') },
  ];
  assert.deepEqual(
    [...parseFilterChains(JSON.stringify({ configs }))],
    [
      ['virtualInbound', ['a']],
      ['virtualOutbound', []],
    ],
  );
});

test('which clusters can speak TLS', () => {
  const type = 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext';
  const match = { transport_socket: { typed_config: { '@type': type } } };
  const configs = [
    { cluster: { name: 'tls', transport_socket_matches: [match] } },
    { cluster: { name: 'plain' } },
  ];
  assert.deepEqual(
    [...parseClusterTls(JSON.stringify({ configs }))],
    [
      ['tls', true],
      ['plain', false],
    ],
  );
});

test('drains', () => {
  assert.equal(parseDrainMs('{"command_line_options":{"drain_time":"2s"}}'), 2000);
  const stats = (listeners: number, chains: number): string =>
    `listener_manager.total_filter_chains_draining: ${chains}
listener_manager.total_listeners_active: 5
listener_manager.total_listeners_draining: ${listeners}
`;
  assert.equal(parseDraining(stats(0, 0)), 0);
  assert.equal(parseDraining(stats(1, 2)), 3);
});

test("an agent's Envoy", () => {
  assert.equal(parseEnvoyPid('{"envoy":{"pid":418,"restarts":0}}'), 418);
  assert.equal(parseEnvoyPid('{"envoy":{"restarts":0}}'), 0);
});
