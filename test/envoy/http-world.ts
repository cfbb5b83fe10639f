// A sidecar's outbound side for HTTP, with a real kernel and a real Envoy: connections are redirected
// to Envoy as in a Pod, and our own control plane tells it of a mesh that is written as its users
// write it. Endpoints are plaintext servers on loopback, so that no certificate is needed.
//
// For use in namespaces of one's own (`agent-namespace.ts`).
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { fromBinary } from '@bufbuild/protobuf';
import type { WorkloadIdentity } from '#base/workload-identity.ts';
import type { HTTPAccessLogEntry } from '#gen/envoy/data/accesslog/v3/accesslog_pb.js';
import { StreamAccessLogsMessageSchema } from '#gen/envoy/service/accesslog/v3/als_pb.js';
import type { GrpcHandler } from '#grpc/call.ts';
import { createGrpcServer } from '#grpc/server.ts';
import type { GrpcServer } from '#grpc/server.ts';
import { meshOf } from '#model/mesh-of.ts';
import type { Mesh } from '#model/mesh.ts';
import { MeshCatalog } from '#resolve/catalog.ts';
import { ALS_CLUSTER, SDS_CLUSTER, XDS_CLUSTER } from '#resolve/names.ts';
import { standInFor } from '#resolve/stand-in.ts';
import { decodeDeltaRequest } from '#xds/delta-wire.ts';
import { XdsServer } from '#xds/server.ts';
import { run } from './agent-namespace.ts';
import { eventually, startEnvoy } from './envoy-process.ts';
import type { EnvoyProcess } from './envoy-process.ts';

const CLIENT: WorkloadIdentity = {
  trustDomain: 'cluster.local',
  namespace: 'shop',
  serviceAccount: 'default',
  workload: { kind: 'Pod', name: 'client' },
};

/** Everything in here is redirected to Envoy. */
const MESH_RANGE = '10.0.0.0/8';
const MESH_RANGE_6 = 'fd00::/16';
/** By this Envoy's own connections are known, and left alone. */
const MARK = 1337;
const ALS_METHOD = '/envoy.service.accesslog.v3.AccessLogService/StreamAccessLogs';

/** Once in a namespace. */
export async function redirectToEnvoy(): Promise<void> {
  await run('ip', 'link', 'set', 'lo', 'up');
  await run('ip', 'route', 'add', 'local', MESH_RANGE, 'dev', 'lo');
  await run('ip', '-6', 'route', 'add', 'local', MESH_RANGE_6, 'dev', 'lo');
  const folder = await mkdtemp(join(tmpdir(), 'isthmus-nft-'));
  const path = join(folder, 'rules.nft');
  const families = { ip: MESH_RANGE, ip6: MESH_RANGE_6 };
  const rules = Object.entries(families).flatMap(([family, range]) => [
    `table ${family} nat {`,
    'chain output {',
    'type nat hook output priority -100',
    `meta mark ${MARK} return`,
    `${family} daddr ${range} tcp dport 1-65535 redirect to :15001`,
    '}',
    '}',
  ]);
  await writeFile(path, `${rules.join('\n')}\n`);
  await run('nft', '-f', path);
  await rm(folder, { recursive: true });
}

class ControlPlane {
  /** The names that Envoy subscribed to, by request: each entry is one round trip. */
  readonly asked: (readonly string[])[] = [];
  /** Why Envoy refused what it was sent. */
  readonly rejections: string[] = [];
  readonly #catalog: MeshCatalog;
  readonly #xds: XdsServer<WorkloadIdentity>;
  readonly #server: GrpcServer;

  constructor(mesh: Mesh, takeLogs: GrpcHandler) {
    this.#catalog = new MeshCatalog(mesh);
    this.#xds = new XdsServer<WorkloadIdentity>({
      catalog: this.#catalog,
      authenticate: () => ({ ok: true, proxy: CLIENT, id: 'client' }),
      isReady: () => true,
      standIn: (_, typeUrl, name) => standInFor(typeUrl, name),
    });
    const methods = Object.entries(this.#xds.methods).map(
      ([path, handler]) => [path, this.#listening(handler)] as const,
    );
    this.#server = createGrpcServer({
      methods: { ...Object.fromEntries(methods), [ALS_METHOD]: takeLogs },
    });
  }

  listen(path: string): Promise<unknown> {
    return this.#server.listen({ path });
  }

  settle(): void {
    this.#catalog.settle();
  }

  async stop(): Promise<void> {
    this.#xds.close();
    await this.#server.shutdown(0);
  }

  #listening(handler: GrpcHandler): GrpcHandler {
    return (call) => {
      handler(call);
      const { onMessage } = call;
      call.onMessage = (message) => {
        const decoded = decodeDeltaRequest(message);
        assert(decoded.ok);
        const { subscribe, rejection } = decoded.value;
        if (subscribe.length > 0) this.asked.push(subscribe);
        if (rejection !== undefined) this.rejections.push(rejection);
        onMessage(message);
      };
    };
  }
}

export class HttpWorld {
  readonly envoy: EnvoyProcess;
  readonly mesh: Mesh;
  readonly accessLog: { readonly logName: string; readonly entry: HTTPAccessLogEntry }[];
  #controlPlane: ControlPlane;
  readonly #socketPath: string;

  private constructor(options: {
    readonly envoy: EnvoyProcess;
    readonly mesh: Mesh;
    readonly accessLog: HttpWorld['accessLog'];
    readonly controlPlane: ControlPlane;
    readonly socketPath: string;
  }) {
    this.envoy = options.envoy;
    this.mesh = options.mesh;
    this.accessLog = options.accessLog;
    this.#controlPlane = options.controlPlane;
    this.#socketPath = options.socketPath;
  }

  /** @param yaml the mesh's objects; the client is in namespace `shop` */
  static async start(t: TestContext, yaml: string): Promise<HttpWorld> {
    const folder = await mkdtemp(join(tmpdir(), 'isthmus-http-'));
    t.after(() => rm(folder, { recursive: true, force: true }));
    const mesh = meshOf(yaml);
    const accessLog: HttpWorld['accessLog'] = [];
    const controlPlane = new ControlPlane(mesh, takeLogs(accessLog));
    const socketPath = join(folder, 'xds.sock');
    await controlPlane.listen(socketPath);
    const planes = { stop: () => controlPlane.stop() };
    t.after(() => planes.stop());
    const envoy = await startEnvoy({ bootstrap: bootstrap(socketPath), drainSeconds: 1 });
    const world = new HttpWorld({ envoy, mesh, accessLog, controlPlane, socketPath });
    planes.stop = () => world.#controlPlane.stop();
    t.after(() => envoy[Symbol.asyncDispose]());
    await eventually('the listeners are there', async () =>
      (await envoy.admin('/listeners')).includes('virtualOutbound'),
    );
    return world;
  }

  get asked(): readonly (readonly string[])[] {
    return this.#controlPlane.asked;
  }

  get rejections(): readonly string[] {
    return this.#controlPlane.rejections;
  }

  /** Sends Envoy what has changed. */
  settle(): void {
    this.#controlPlane.settle();
  }

  async stopControlPlane(): Promise<void> {
    await this.#controlPlane.stop();
  }

  /** Another one, that knows the same. */
  async startControlPlane(): Promise<void> {
    this.#controlPlane = new ControlPlane(this.mesh, takeLogs(this.accessLog));
    await this.#controlPlane.listen(this.#socketPath);
  }
}

function takeLogs(accessLog: HttpWorld['accessLog']): GrpcHandler {
  return (call) => {
    let logName = '';
    call.onMessage = (bytes) => {
      const message = fromBinary(StreamAccessLogsMessageSchema, bytes);
      logName = message.identifier?.logName ?? logName;
      if (message.logEntries.case !== 'httpLogs') return;
      for (const entry of message.logEntries.value.logEntry) accessLog.push({ logName, entry });
    };
  };
}

function bootstrap(socketPath: string): Readonly<Record<string, unknown>> {
  const ads = { ads: {}, resource_api_version: 'V3' };
  return {
    node: { id: 'client', cluster: 'client' },
    dynamic_resources: {
      ads_config: {
        api_type: 'DELTA_GRPC',
        transport_api_version: 'V3',
        set_node_on_first_message_only: true,
        grpc_services: [{ envoy_grpc: { cluster_name: XDS_CLUSTER } }],
      },
      lds_config: ads,
      cds_config: ads,
    },
    cluster_manager: {
      upstream_bind_config: {
        source_address: { address: '0.0.0.0', port_value: 0 },
        socket_options: [{ level: 1, name: 36, int_value: MARK, state: 'STATE_PREBIND' }],
      },
    },
    static_resources: {
      clusters: [XDS_CLUSTER, SDS_CLUSTER, ALS_CLUSTER].map((name) => ({
        name,
        type: 'STATIC',
        connect_timeout: '1s',
        typed_extension_protocol_options: {
          'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': {
            '@type': 'type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions',
            explicit_http_config: { http2_protocol_options: {} },
          },
        },
        load_assignment: {
          cluster_name: name,
          endpoints: [
            { lb_endpoints: [{ endpoint: { address: { pipe: { path: socketPath } } } }] },
          ],
        },
      })),
    },
  };
}
