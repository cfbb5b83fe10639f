// A workload that calls its own service by the service's address: in a real kernel, with a real
// Envoy, the connection comes in by the front door, once, and reaches the application.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type Server } from 'node:net';
import { test } from 'node:test';
import { create } from '@bufbuild/protobuf';
import { BindConfigSchema } from '#gen/envoy/config/core/v3/address_pb.js';
import { ClusterSchema } from '#gen/envoy/config/cluster/v3/cluster_pb.js';
import { ListenerSchema } from '#gen/envoy/config/listener/v3/listener_pb.js';
import { MeshAddressesSchema } from '#gen/isthmus/v1/agent_pb.js';
import { Bench, portOf } from './agent-bench.ts';
import { isInside, Neighbour, runInside } from './agent-namespace.ts';
import { capturedInboundListener, outboundListener, staticCluster } from './agent-resources.ts';

const OWN = '10.128.0.14';
const SERVICE = '10.96.0.5';

if (isInside) {
  const limit = { timeout: 50_000 };
  test('a Pod, where everything comes in through the proxy', limit, () => callsItself('*'));
  test('a VM with one port', limit, () => callsItself('own'));
} else {
  test('calling oneself, in namespaces of its own', { timeout: 120_000 }, async () => {
    const { status, output } = await runInside(import.meta.url);
    assert.equal(status, 0, output);
    assert.match(output, /^ℹ pass 2|^# pass 2/m, output);
  });
}

async function callsItself(inbound: '*' | 'own'): Promise<void> {
  await using _neighbour = await Neighbour.plugIn(OWN, '10.128.0.1');
  await using bench = await Bench.start();
  await using application = await Application.start();
  const { port, callers } = application;

  const local = staticCluster('local', OWN, port);
  local.upstreamBindConfig = create(BindConfigSchema, {
    sourceAddress: { address: '127.0.0.6', portSpecifier: { case: 'portValue', value: 0 } },
  });
  bench.controlPlane.set('local', ClusterSchema, local);
  bench.controlPlane.set('self', ClusterSchema, staticCluster('self', OWN, port));
  const listeners = [
    ['virtualOutbound', outboundListener(15001, 'self')],
    ['virtualInbound', capturedInboundListener(15006, 'local')],
  ] as const;
  for (const [name, listener] of listeners) bench.controlPlane.set(name, ListenerSchema, listener);
  const mesh = create(MeshAddressesSchema, { ranges: ['10.96.0.0/16'], addresses: [] });
  bench.controlPlane.set('mesh', MeshAddressesSchema, mesh);
  const agent = bench.startAgent({
    ISTIO_INBOUND_INTERCEPTION_MODE: 'REDIRECT',
    ISTIO_INBOUND_PORTS: inbound === '*' ? '*' : String(port),
  });
  await agent.until(/capture verified/);
  await agent.until(/agent: ready/);

  assert.equal(await say(SERVICE, 'to myself\n'), 'to myself\n');
  assert.deepEqual(callers, ['127.0.0.6'], 'delivered by the inbound side, once');
  // what does not go through the proxy on its way out does not come in through it
  assert.equal(await say(OWN, 'directly\n', port), 'directly\n');
  assert.equal(callers[1], OWN);
}

/** Says back what it is told, on an address of the machine. */
class Application implements AsyncDisposable {
  readonly callers: string[] = [];
  readonly #server: Server;

  private constructor() {
    this.#server = createServer((socket) => {
      this.callers.push(socket.remoteAddress ?? '');
      socket.on('error', () => undefined).pipe(socket);
    });
  }

  static async start(): Promise<Application> {
    const application = new Application();
    application.#server.listen(0, OWN);
    await once(application.#server, 'listening');
    return application;
  }

  get port(): number {
    return portOf(this.#server);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    await closed;
  }
}

async function say(host: string, text: string, port = 5432): Promise<string> {
  const socket = connect({ host, port, signal: AbortSignal.timeout(10_000) });
  socket.setEncoding('utf8').write(text);
  let answer = '';
  for await (const chunk of socket as AsyncIterable<string>) {
    answer += chunk;
    if (answer.length >= text.length) break;
  }
  return answer;
}
