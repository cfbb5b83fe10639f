import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  parseCertificates,
  parseClusterTls,
  parseDrainMs,
  parseFilterChains,
  parseStat,
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

test('drain time and counters', () => {
  assert.equal(parseDrainMs('{"command_line_options":{"drain_time":"2s"}}'), 2000);
  assert.equal(parseStat('server.uptime: 12\nserver.live: 1\n', 'server.live'), 1);
  assert.equal(parseStat('', 'server.live'), 0);
});
