import assert from 'node:assert/strict';
import { test } from 'node:test';
import { create, toBinary } from '@bufbuild/protobuf';
import { anyUnpack } from '@bufbuild/protobuf/wkt';
import { FilterChainSchema } from '#gen/envoy/config/listener/v3/listener_components_pb.js';
import { ListenerSchema } from '#gen/envoy/config/listener/v3/listener_pb.js';
import type { Listener } from '#gen/envoy/config/listener/v3/listener_pb.js';
import {
  TcpProxySchema,
  UpstreamConnectMode,
} from '#gen/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy_pb.js';
import type { MtlsMode } from '#istio/peerauthentication/peer-authentication.ts';
import { buildVirtualInbound } from './inbound.ts';
import type { InboundListenerPort } from './inbound.ts';
import { chainKinds, takesMeshTls } from './mtls-mode.ts';

const MODES = ['DISABLE', 'PERMISSIVE', 'STRICT'] as const;

const port = (options: Partial<InboundListenerPort>): InboundListenerPort => ({
  port: 5432,
  mode: 'PERMISSIVE',
  speaker: 'client',
  isServed: true,
  content: 'tcp',
  ...options,
});

function listener(...ports: readonly InboundListenerPort[]): Listener {
  const input = buildVirtualInbound({
    hasIpv6: false,
    ports,
    passthroughMode: 'PERMISSIVE',
    trustDomains: ['cluster.local'],
    telemetry: { logs: [], trace: null },
  });
  return create(ListenerSchema, input);
}

const chainsOf = ({ filterChains }: Listener): ReadonlyMap<string, Uint8Array> =>
  new Map(filterChains.map((chain) => [chain.name, toBinary(FilterChainSchema, chain)]));

/** Envoy cuts the sessions of a chain that changed in any byte, and of one that is gone. */
function assertOnlyGone(before: Listener, after: Listener, gone: readonly string[]): void {
  const now = chainsOf(after);
  for (const [name, bytes] of chainsOf(before)) {
    if (gone.includes(name)) assert(!now.has(name), `${name} is gone`);
    else assert.deepEqual(now.get(name), bytes, `${name} is the same`);
  }
  const rest = (all: Listener) => ({ ...all, filterChains: [] });
  assert.deepEqual(rest(after), rest(before), 'nothing of the listener itself changes');
}

test('STRICT takes away the plaintext chains of its port and changes nothing else', () => {
  assertOnlyGone(listener(port({})), listener(port({ mode: 'STRICT' })), [
    '5432_plain',
    '5432_tls',
  ]);
});

for (const [from, to] of MODES.flatMap((from) => MODES.map((to) => [from, to] as const))) {
  test(`${from} → ${to} changes no chain that stays`, () => {
    const named = (mode: MtlsMode) => chainKinds(mode, 5432).map((kind) => `5432_${kind}`);
    const gone = named(from).filter((name) => !named(to).includes(name));
    assertOnlyGone(listener(port({ mode: from })), listener(port({ mode: to })), gone);
  });
}

test('a port that comes or goes changes no chain of another', () => {
  const one = listener(port({}));
  const two = listener(port({ port: 80 }), port({}));
  assertOnlyGone(one, two, []);
  assertOnlyGone(two, one, ['80_mtls', '80_plain', '80_tls']);
});

test('the order in which ports are found does not show', () => {
  const ports = [port({ port: 1 }), port({ port: 2 })] as const;
  assert.deepEqual(listener(ports[0], ports[1]), listener(ports[1], ports[0]));
});

test('clients and servers agree on where mesh TLS is spoken', () => {
  for (const mode of MODES) {
    for (const number of [22, 3306, 5432]) {
      const chains = chainsOf(listener(port({ port: number, mode })));
      assert.equal(chains.has(`${number}_mtls`), takesMeshTls(mode, number), `${mode} ${number}`);
    }
  }
});

const CONNECT_MODES = [
  ['client', UpstreamConnectMode.ON_DOWNSTREAM_DATA],
  ['server', UpstreamConnectMode.ON_DOWNSTREAM_TLS_HANDSHAKE],
  ['unknown', UpstreamConnectMode.ON_DOWNSTREAM_TLS_HANDSHAKE],
] as const;

for (const [speaker, mode] of CONNECT_MODES) {
  test(`speaker ${speaker}: the workload is dialled ${UpstreamConnectMode[mode]}`, () => {
    const chain = listener(port({ speaker })).filterChains.find(({ name }) => name === '5432_mtls');
    const config = chain?.filters.at(-1)?.configType;
    assert(config?.case === 'typedConfig');
    const proxy = anyUnpack(config.value, TcpProxySchema);
    assert.equal(proxy?.upstreamConnectMode, mode);
    assert.deepEqual(proxy?.idleTimeout?.seconds, 0n);
  });
}
