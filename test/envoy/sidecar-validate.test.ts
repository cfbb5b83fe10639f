// The goldens of a sidecar's HTTP side, as the real Envoy reads them: with the virtual hosts that it
// would ask for in the table that they are asked for from.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { anyPack, anyUnpack } from '@bufbuild/protobuf/wkt';
import { ClusterSchema } from '#gen/envoy/config/cluster/v3/cluster_pb.js';
import { ListenerSchema } from '#gen/envoy/config/listener/v3/listener_pb.js';
import type { Listener } from '#gen/envoy/config/listener/v3/listener_pb.js';
import { VirtualHostSchema } from '#gen/envoy/config/route/v3/route_components_pb.js';
import { RouteConfigurationSchema } from '#gen/envoy/config/route/v3/route_pb.js';
import type { RouteConfiguration } from '#gen/envoy/config/route/v3/route_pb.js';
import { HttpConnectionManagerSchema } from '#gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js';
import { parseGolden } from '#resolve/golden.ts';
import { goldensOf, validate } from './validate.ts';

const goldens = (prefix: string): Promise<readonly string[]> => goldensOf('http', prefix);

function withTable(listener: Listener, table: RouteConfiguration): Listener {
  for (const { configType } of listener.filterChains.flatMap(({ filters }) => filters)) {
    if (configType.case !== 'typedConfig') continue;
    const manager = anyUnpack(configType.value, HttpConnectionManagerSchema);
    if (manager === undefined) continue;
    manager.routeSpecifier = { case: 'routeConfig', value: table };
    configType.value = anyPack(HttpConnectionManagerSchema, manager);
  }
  return listener;
}

async function sidecar(change: (text: string) => string = (text) => text) {
  const [tableText = ''] = await goldens('routes-');
  const table = parseGolden(RouteConfigurationSchema, tableText);
  table.virtualHosts = (await goldens('virtual-host-')).map((text) =>
    parseGolden(VirtualHostSchema, change(text)),
  );
  delete table.vhds; // a table that does not come by xDS may not ask
  const listeners = (await goldens('listener-')).map((text) =>
    withTable(parseGolden(ListenerSchema, text), table),
  );
  const clusters = (await goldens('cluster-')).map((text) => parseGolden(ClusterSchema, text));
  return { listeners, clusters };
}

test('Envoy takes every golden of a sidecar', async (t) => {
  assert.equal(await validate(t, await sidecar()), '');
});

test('Envoy refuses a golden that is broken: validation is not blind', async (t) => {
  const same = await sidecar((text) => text.replaceAll('web.shop"', 'nowhere.example.com:80"'));
  assert.match(await validate(t, same), /Only unique values for domains are permitted/);
});
