// gRPC's own xDS client, which nobody here wrote, routes by what we serve: state of the world, from
// the resolver and the xDS server, through the agent's relay and its Unix socket.
import assert from 'node:assert/strict';
import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { systemClock } from '#base/clock.ts';
import { silentLogger } from '#base/log.ts';
import { connectGrpc } from '#grpc/client.ts';
import { createGrpcServer, type GrpcServer } from '#grpc/server.ts';
import { freePorts } from '#lab/loopback/ports.ts';
import { apply, meshOf, remove } from '#model/mesh-of.ts';
import { MeshCatalog } from '#resolve/catalog.ts';
import { XdsServer } from '#xds/server.ts';
import { parseAgentConfig } from '../../src/agent/config.ts';
import { ControlPlane } from '../../src/agent/control-plane.ts';
import { renderGrpcBootstrap } from '../../src/agent/grpc-bootstrap.ts';
import { PROXYLESS_METHOD } from '../../src/agent/relayed-stream.ts';
import { Retry } from '../../src/agent/retry.ts';
import { XdsCache } from '../../src/agent/xds-cache.ts';
import { XdsRelay } from '../../src/agent/xds-relay.ts';
import { Greeter } from './greeter.ts';

const PROGRAM = fileURLToPath(new URL('greeter-program.ts', import.meta.url));
const HOST = 'greeter.default.svc.cluster.local';
const CLIENT = {
  trustDomain: 'cluster.local',
  namespace: 'shop',
  serviceAccount: 'web',
  workload: { kind: 'Pod', name: 'web-1' },
} as const;
const SERVERS = { v1: '127.0.0.1', v2: '127.0.0.2' } as const;

const pod = (version: keyof typeof SERVERS): string => `
kind: Pod
apiVersion: v1
metadata:
  name: greeter-${version}
  namespace: default
  labels: { app: greeter, version: ${version} }
spec: { containers: [{ name: app, image: greeter }] }
status:
  phase: Running
  podIP: ${SERVERS[version]}
  podIPs: [{ ip: ${SERVERS[version]} }]
  conditions: [{ type: Ready, status: 'True' }]
`;

const slice = (port: number, versions: readonly (keyof typeof SERVERS)[]): string => `
kind: EndpointSlice
apiVersion: discovery.k8s.io/v1
metadata:
  name: greeter-1
  namespace: default
  labels: { kubernetes.io/service-name: greeter }
addressType: IPv4
ports: [{ name: grpc, port: ${port}, protocol: TCP }]
endpoints:
${versions
  .map(
    (version) => `
- addresses: [${SERVERS[version]}]
  conditions: { ready: true }
  targetRef: { kind: Pod, name: greeter-${version}, namespace: default }`,
  )
  .join('')}
`;

const SERVICE = `
kind: Service
apiVersion: v1
metadata: { name: greeter, namespace: default }
spec:
  clusterIP: 10.96.0.9
  selector: { app: greeter }
  ports: [{ name: grpc, port: 50051, protocol: TCP, targetPort: grpc }]
`;

const DESTINATION_RULE = `
kind: DestinationRule
apiVersion: networking.istio.io/v1
metadata: { name: greeter, namespace: default }
spec:
  host: ${HOST}
  subsets:
  - { name: v1, labels: { version: v1 } }
  - { name: v2, labels: { version: v2 } }
`;

const virtualService = (weights: readonly [v1: number, v2: number]): string => `
kind: VirtualService
apiVersion: networking.istio.io/v1
metadata: { name: greeter, namespace: default }
spec:
  hosts: [${HOST}]
  http:
  - match: [{ headers: { x-version: { exact: v2 } } }]
    route: [{ destination: { host: ${HOST}, subset: v2 } }]
  - route:
    - { destination: { host: ${HOST}, subset: v1 }, weight: ${weights[0]} }
    - { destination: { host: ${HOST}, subset: v2 }, weight: ${weights[1]} }
`;

/** The program, asked one call after another. */
class Program implements AsyncDisposable {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #lines: AsyncIterator<string>;

  constructor(target: string, bootstrapFile: string) {
    const env = { ...process.env, GRPC_XDS_BOOTSTRAP: bootstrapFile };
    this.#child = spawn(process.execPath, [PROGRAM, target], { env });
    this.#child.stderr.pipe(process.stderr);
    this.#lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
  }

  async greet(metadata: Readonly<Record<string, string>> = {}): Promise<string> {
    this.#child.stdin.write(`${JSON.stringify(metadata)}\n`);
    const { value, done } = await this.#lines.next();
    if (done) throw new Error('the program has ended');
    return value;
  }

  /** Asks until the answer is this one: what is pushed arrives when it arrives. */
  async until(wanted: string): Promise<void> {
    for (;;) if ((await this.greet()) === wanted) return;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const ended = new Promise((resolve) => this.#child.once('exit', resolve));
    this.#child.kill('SIGKILL');
    await ended;
  }
}

describe('gRPC without a proxy', { concurrency: false, timeout: 60_000 }, () => {
  const mesh = meshOf(`${SERVICE}---${pod('v1')}---${pod('v2')}---${DESTINATION_RULE}`);
  const catalog = new MeshCatalog(mesh);
  const owned = new AsyncDisposableStack();
  let port = 0;
  let bootstrapFile = '';

  const change = (...documents: readonly string[]): void => {
    for (const document of documents) apply(mesh, document);
    catalog.settle();
  };

  before(async () => {
    [port = 0] = await freePorts(1);
    for (const [name, address] of Object.entries(SERVERS)) {
      owned.use(await Greeter.listen(name, `${address}:${port}`));
    }
    change(slice(port, ['v1', 'v2']));
    const folder = await mkdtemp(join(tmpdir(), 'isthmus-grpc-'));
    owned.defer(() => rm(folder, { recursive: true }));
    const listen = async (
      methods: Parameters<typeof createGrpcServer>[0]['methods'],
      path: string,
    ): Promise<GrpcServer> => {
      const server = createGrpcServer({ methods });
      await server.listen({ path });
      owned.defer(() => server.shutdown(0));
      return server;
    };
    const xds = new XdsServer({
      catalog,
      authenticate: () => ({ ok: true, proxy: CLIENT, id: 'web-1' }),
      isReady: () => true,
    });
    await listen(xds.methods, join(folder, 'isthmusd'));
    const nowhere = { host: 'isthmusd', port: 15012 };
    const controlPlane = owned.use(
      new ControlPlane(
        { xds: nowhere, ca: nowhere, serverName: undefined, rootCertFiles: [] },
        () => connectGrpc({ target: { path: join(folder, 'isthmusd') } }),
      ),
    );
    controlPlane.setCredentials({ keyPem: 'k', chainPem: 'c', rootsPem: 'r' });
    const relay = new XdsRelay({
      controlPlane,
      retry: new Retry({ clock: systemClock, random: () => 0 }),
      clock: systemClock,
      log: silentLogger,
      cache: new XdsCache(() => undefined),
    });
    const config = parseAgentConfig({
      argv: [],
      env: { ISTHMUS_ROOT: folder, POD_NAME: 'web-1', POD_NAMESPACE: 'shop' },
      hostname: 'web-1',
      readFile: () => undefined,
      parseYaml: () => undefined,
    });
    const socket = join(folder, 'agent');
    await listen({ [PROXYLESS_METHOD]: relay.proxylessHandler }, socket);
    bootstrapFile = join(folder, 'grpc-bootstrap.json');
    const bootstrap = renderGrpcBootstrap({ config, ip: '127.0.0.1', socketPath: socket });
    await writeFile(bootstrapFile, bootstrap);
  });
  after(() => owned.disposeAsync());

  const dial = (host: string): Program => new Program(`xds:///${host}:50051`, bootstrapFile);

  test('calls the service’s endpoints, and others when these change', async () => {
    await using program = dial(HOST);
    const heard = new Set<string>();
    while (heard.size < 2) heard.add(await program.greet());
    assert.deepEqual([...heard].toSorted(), ['v1', 'v2']);
    change(slice(port, ['v2']));
    await program.until('v2');
    for (let round = 0; round < 10; round += 1) assert.equal(await program.greet(), 'v2');
    change(slice(port, ['v1', 'v2']));
    await program.until('v1');
  });

  test('follows a VirtualService: by header, by weight, and its changes', async () => {
    change(virtualService([100, 0]));
    await using program = dial(HOST);
    for (let round = 0; round < 10; round += 1) assert.equal(await program.greet(), 'v1');
    assert.equal(await program.greet({ 'x-version': 'v2' }), 'v2');
    change(virtualService([0, 100]));
    await program.until('v2');
    for (let round = 0; round < 10; round += 1) assert.equal(await program.greet(), 'v2');
    remove(mesh, virtualService([0, 100]));
    catalog.settle();
    await program.until('v1');
  });

  test('two programs at once each get their own', async () => {
    await using one = dial(HOST);
    await using other = dial(HOST);
    assert.match(await one.greet(), /^v[12]$/);
    assert.match(await other.greet(), /^v[12]$/);
  });
});
