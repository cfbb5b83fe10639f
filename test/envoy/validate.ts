// Has the real Envoy read resources, without running them.
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { create, toBinary } from '@bufbuild/protobuf';
import type { MessageInitShape } from '@bufbuild/protobuf';
import { runCommand } from '#base/command.ts';
import { BootstrapSchema } from '#gen/envoy/config/bootstrap/v3/bootstrap_pb.js';
import { Cluster_DiscoveryType, ClusterSchema } from '#gen/envoy/config/cluster/v3/cluster_pb.js';
import type { Cluster } from '#gen/envoy/config/cluster/v3/cluster_pb.js';
import { ApiConfigSource_ApiType } from '#gen/envoy/config/core/v3/config_source_pb.js';
import type { Listener } from '#gen/envoy/config/listener/v3/listener_pb.js';
import { HttpProtocolOptionsSchema } from '#gen/envoy/extensions/upstreams/http/v3/http_protocol_options_pb.js';
import { grpcService, packed, V3 } from '#resolve/message.ts';
import { ALS_CLUSTER, SDS_CLUSTER, XDS_CLUSTER } from '#resolve/names.ts';
import { ENVOY } from './resolve-envoy.ts';

const TESTDATA = fileURLToPath(new URL('../../src/resolve/testdata', import.meta.url));

/** The texts of the goldens in a folder of `src/resolve/testdata` whose names begin so. */
export async function goldensOf(folder: string, prefix: string): Promise<readonly string[]> {
  const files = (await readdir(join(TESTDATA, folder))).filter((file) => file.endsWith('.golden'));
  const chosen = files.filter((file) => file.startsWith(prefix)).toSorted();
  assert(chosen.length > 0, `there are goldens of ${prefix}`);
  return Promise.all(chosen.map((file) => readFile(join(TESTDATA, folder, file), 'utf8')));
}

const HTTP2 = packed(HttpProtocolOptionsSchema, {
  upstreamProtocolOptions: {
    case: 'explicitHttpConfig',
    value: { protocolConfig: { case: 'http2ProtocolOptions', value: {} } },
  },
});

const agentCluster = (name: string): MessageInitShape<typeof ClusterSchema> => ({
  name,
  clusterDiscoveryType: { case: 'type', value: Cluster_DiscoveryType.STATIC },
  typedExtensionProtocolOptions: {
    'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': HTTP2,
  },
});

/** @returns what Envoy says; empty when it has nothing against it */
export async function validate(
  t: TestContext,
  resources: { readonly listeners: readonly Listener[]; readonly clusters: readonly Cluster[] },
): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'isthmus-validate-'));
  t.after(() => rm(directory, { recursive: true }));
  const agents = [XDS_CLUSTER, SDS_CLUSTER, ALS_CLUSTER].map((name) =>
    create(ClusterSchema, agentCluster(name)),
  );
  const bootstrap = create(BootstrapSchema, {
    node: { id: 'test', cluster: 'test' },
    dynamicResources: {
      adsConfig: {
        apiType: ApiConfigSource_ApiType.DELTA_GRPC,
        transportApiVersion: V3,
        grpcServices: [grpcService(XDS_CLUSTER)],
      },
    },
    staticResources: {
      listeners: [...resources.listeners],
      clusters: [...agents, ...resources.clusters],
    },
  });
  const path = join(directory, 'bootstrap.pb');
  await writeFile(path, toBinary(BootstrapSchema, bootstrap));
  const args = ['--mode', 'validate', '--config-path', path, '--log-level', 'error'];
  const { status, stdout, stderr } = await runCommand(ENVOY, args);
  return status === 0 ? '' : `${stdout}${stderr}`;
}
