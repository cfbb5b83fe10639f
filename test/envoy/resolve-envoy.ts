// A real Envoy for tests: started with the bootstrap that the agent's amounts to, stopped with its
// scope. Nothing of it is outside of a temporary directory and loopback.
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { systemClock } from '#base/clock.ts';
import { ALS_CLUSTER, SDS_CLUSTER, XDS_CLUSTER } from '#resolve/names.ts';

export const ENVOY = fileURLToPath(new URL('../../.isthmus/bin/envoy', import.meta.url));

/** How long sessions of a filter chain that was taken away live on. */
export const DRAIN_SECONDS = 1;
const WAIT_MS_MAX = 15_000;
const POLL_MS = 25;

/** Asks again until there is an answer, for what no event tells of. */
export async function eventually<T extends object | string | true>(
  what: string,
  ask: () => T | undefined | false | Promise<T | undefined | false>,
): Promise<T> {
  const deadlineMs = systemClock.nowMs() + WAIT_MS_MAX;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined && answer !== false) return answer;
    if (systemClock.nowMs() > deadlineMs) throw new Error(`${what}: not within ${WAIT_MS_MAX} ms`);
    await systemClock.sleep(POLL_MS);
  }
}

export class Envoy implements AsyncDisposable {
  readonly #process: ChildProcess;
  readonly #admin: string;
  readonly output: () => string;

  private constructor(process: ChildProcess, admin: string, output: () => string) {
    this.#process = process;
    this.#admin = admin;
    this.output = output;
  }

  /** @param options.directory for its files; the control plane listens on `xds.sock` in there */
  static async start(options: {
    readonly nodeId: string;
    readonly directory: string;
  }): Promise<Envoy> {
    const { nodeId, directory } = options;
    const config = join(directory, `${nodeId}.json`);
    const adminPath = join(directory, `${nodeId}.admin`);
    await writeFile(config, bootstrap(nodeId, join(directory, 'xds.sock')));
    const child = spawn(ENVOY, envoyArguments(config, adminPath), {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let text = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (chunk: string) => (text = (text + chunk).slice(-1e5)));
    }
    const admin = await eventually(`${nodeId} has an admin port`, async () => {
      if (child.exitCode !== null) throw new Error(`Envoy ended: ${text}`);
      return (await readFile(adminPath, 'utf8').catch(() => '')) || undefined;
    });
    const envoy = new Envoy(child, admin, () => text);
    await eventually(`${nodeId} is ready: ${text}`, async () =>
      (await envoy.ask('/ready')).startsWith('LIVE'),
    );
    return envoy;
  }

  async ask(path: string): Promise<string> {
    const response = await fetch(`http://${this.#admin}${path}`);
    return response.text();
  }

  /** Value of one counter or gauge; 0 while it is not there. */
  async stat(name: string): Promise<number> {
    const lines = (await this.ask(`/stats?filter=${encodeURIComponent(name)}`)).split('\n');
    return Number(lines.find((line) => line.startsWith(`${name}: `))?.slice(name.length + 2) ?? 0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#process.exitCode !== null) return;
    const ended = once(this.#process, 'exit');
    this.#process.kill('SIGKILL');
    await ended;
  }
}

function envoyArguments(config: string, adminPath: string): string[] {
  const options = {
    'config-path': config,
    'admin-address-path': adminPath,
    concurrency: '1',
    'drain-time-s': String(DRAIN_SECONDS),
    'drain-strategy': 'immediate',
    'file-flush-interval-msec': '50',
    'log-level': 'warning',
  };
  const flags = Object.entries(options).flatMap(([name, value]) => [`--${name}`, value]);
  return ['--use-dynamic-base-id', ...flags];
}

function bootstrap(nodeId: string, socketPath: string): string {
  const ads = { ads: {}, resource_api_version: 'V3' };
  return JSON.stringify({
    node: { id: nodeId, cluster: nodeId },
    admin: { address: { socket_address: { address: '127.0.0.1', port_value: 0 } } },
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
  });
}
