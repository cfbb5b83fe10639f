// The mesh that is measured: an API server, isthmusd, a client and two workloads, blue and green,
// each with an agent, an Envoy and captured traffic, in namespaces of their own.
import { fileURLToPath } from 'node:url';
import { Cloud, POD_CIDR, SERVICE_CIDR } from '#lab/cloud.ts';
import { Cluster, CONTROL_PLANE_NAME } from '#lab/cluster.ts';
import * as manifests from '#lab/manifests.ts';
import type { LabProcess } from '#lab/process.ts';
import { Sidecar } from '#lab/sidecar.ts';
import type { Sighting, Watch } from './applied-probe.ts';

const ANSWER = fileURLToPath(new URL('applied-answer.ts', import.meta.url));
const PROBE = fileURLToPath(new URL('applied-probe.ts', import.meta.url));
const CONTROL_PLANE_ADDRESS = '10.24.0.10';
const CLIENT_ADDRESS = '10.24.2.10';
const START_LIMIT_MS = 20_000;
/** Many times the limit that is measured: what takes longer is broken, not slow. */
const SIGHTING_LIMIT_MS = 20_000;

export const PORT = 7000;
export const CLIENT = 'client';
/** The workloads, by name, and where they are. */
export const WORKLOADS = { blue: '10.24.2.20', green: '10.24.2.21' } as const;
/** Theirs in common, as of all Pods of a Deployment. */
const SERVER_ACCOUNT = 'server';
export type Workload = keyof typeof WORKLOADS;

export class AppliedWorld implements AsyncDisposable {
  readonly cluster: Cluster;
  readonly #probe: LabProcess;
  readonly #owned: AsyncDisposableStack;

  private constructor(cluster: Cluster, probe: LabProcess, owned: AsyncDisposableStack) {
    this.cluster = cluster;
    this.#probe = probe;
    this.#owned = owned;
  }

  /** @throws OperatorError LAB_FAILED */
  static async create(): Promise<AppliedWorld> {
    await using stack = new AsyncDisposableStack();
    const cloud = stack.use(
      await Cloud.create({
        cluster: { isthmusd: CONTROL_PLANE_ADDRESS, [CLIENT]: CLIENT_ADDRESS, ...WORKLOADS },
        vms: {},
        knows: [{ address: CONTROL_PLANE_ADDRESS, names: [CONTROL_PLANE_NAME] }],
        env: process.env,
      }),
    );
    const cluster = stack.use(await Cluster.start(cloud.machine('isthmusd')));
    const addresses = { [CLIENT]: CLIENT_ADDRESS, ...WORKLOADS };
    await cluster.apply(
      manifests.meshConfig({ enableAutoMtls: true, ranges: [SERVICE_CIDR, POD_CIDR] }),
    );
    const sidecars = await Promise.all(
      Object.entries(addresses).map(async ([name, address]) => {
        const serviceAccount = name === CLIENT ? CLIENT : SERVER_ACCOUNT;
        const pod = manifests.pod({ name, app: name, serviceAccount, address });
        await cluster.apply(manifests.serviceAccount(serviceAccount), pod);
        const options = { serviceAccount, inboundPorts: name === CLIENT ? [] : [PORT] };
        return await Sidecar.forPod(cluster, cloud.machine(name), options);
      }),
    );
    await Promise.all([
      ...sidecars.map((sidecar) => sidecar.ready()),
      ...Object.keys(WORKLOADS).map((name) => startAnswering(cloud, name)),
    ]);
    const probe = cloud.machine(CLIENT).start('probe', [process.execPath, PROBE]);
    return new AppliedWorld(cluster, probe, stack.move());
  }

  /**
   * Connects again and again.
   *
   * @returns once the state of before has been seen: what is to be seen next
   * @throws OperatorError LAB_FAILED when the state of before does not come about
   */
  async watch(target: Watch): Promise<{ readonly sighting: Promise<Sighting> }> {
    const from = this.#probe.lines.length;
    this.#probe.writeLine(JSON.stringify(target));
    const { host, port, before, after } = target;
    const what = `${before} at ${host}:${port}`;
    await this.#probe.waitForLine(/^watching$/, { what, limitMs: SIGHTING_LIMIT_MS, from });
    const limits = { what: `${after} after ${what}`, limitMs: SIGHTING_LIMIT_MS, from };
    const sighting = this.#probe.waitForLine(/^\{/, limits).then((line): Sighting => {
      return JSON.parse(line);
    });
    sighting.catch(() => undefined); // whoever waits for it is told; nobody may
    return { sighting };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#owned.disposeAsync();
  }
}

async function startAnswering(cloud: Cloud, name: string): Promise<void> {
  const command = [process.execPath, ANSWER, String(PORT), name];
  const answering = cloud.machine(name).start('answer', command);
  await answering.waitForLine(/^ready$/, { what: 'start', limitMs: START_LIMIT_MS });
}
