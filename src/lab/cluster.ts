// The cluster's side: an API server and isthmusd as processes on a machine of the lab, and the
// hands of an operator on the Kubernetes API.
import { fileURLToPath } from 'node:url';
import type { CommandResult } from '#base/command.ts';
import { OperatorError } from '#base/operator-error.ts';
import type { KubeClient } from '#kube/client.ts';
import { createKubeClient } from '#kube/https-client.ts';
import { loadKubeconfig } from '#kube/kubeconfig.ts';
import type { KubeObject } from '#kube/objects.ts';
import { CONFIG_MAP } from '#kube/resources.ts';
import { isAlreadyExists, isNotFound } from '#kube/status.ts';
import { SERVICE_CIDR } from './cloud.ts';
import { eventually } from './eventually.ts';
import type { Host } from './host.ts';
import { type Manifest, NAMESPACE_OF_STORY } from './manifests.ts';
import type { LabProcess } from './process.ts';

const LAUNCHER = fileURLToPath(new URL('../../bin/isthmus.js', import.meta.url));
/** As the launcher itself would start it: then it need not start a second process. */
const NODE_FLAGS = ['--max-semi-space-size=1', '--disable-warning=ExperimentalWarning'];
export const API_PORT = 6443;
export const XDS_PORT = 15_012;
/** The lab's own programs ask here; the regions' firewall keeps VMs away. */
export const MONITORING_PORT = 15_014;
/** The console: visitors come to it by a door of the lab, in clear text on this machine. */
export const CONSOLE_PORT = 8080;
const WEBHOOK_PORT = 15_017;
const DATA_DIR = '/var/lib/isthmus/apiserver';
const STATE_DIR = '/var/lib/isthmus/isthmusd';
const READY_LIMIT_MS = 20_000;

/** The name by which agents know the control plane: Istio's default. */
export const CONTROL_PLANE_NAME = 'istiod.istio-system.svc';

/** A command of Isthmus, ready to be run on a machine. */
export function isthmus(...args: readonly string[]): string[] {
  return [process.execPath, ...NODE_FLAGS, LAUNCHER, ...args];
}

/** A line as it is typed in a shell: a machine of the lab has neither sudo nor a link to us. */
export const typed = (line: string): string[] => [
  'bash',
  '-c',
  `sudo() { "$@"; }; isthmus() { ${isthmus().join(' ')} "$@"; }\n${line}`,
];

export type ClusterOptions = {
  /** Until an applied policy that nobody confirms is undone; default isthmusd's. */
  readonly undoSeconds?: number;
};

export class Cluster implements AsyncDisposable {
  readonly machine: Host;
  readonly kube: KubeClient;
  readonly #options: ClusterOptions;
  #apiServer: LabProcess;
  #isthmusd: LabProcess;

  private constructor(
    machine: Host,
    parts: {
      readonly kube: KubeClient;
      readonly apiServer: LabProcess;
      readonly isthmusd: LabProcess;
      readonly options: ClusterOptions;
    },
  ) {
    this.machine = machine;
    this.#options = parts.options;
    this.kube = parts.kube;
    this.#apiServer = parts.apiServer;
    this.#isthmusd = parts.isthmusd;
  }

  /** Starts both and returns when both serve. */
  static async start(machine: Host, options: ClusterOptions = {}): Promise<Cluster> {
    const apiServer = await launchApiServer(machine);
    const kube = createKubeClient(await loadKubeconfig(adminKubeconfig(machine)));
    const isthmusd = await launchIsthmusd(machine, options);
    return new Cluster(machine, { kube, apiServer, isthmusd, options });
  }

  /** Where agents find the control plane. */
  get agentAddress(): string {
    const { hasOwnNames, address } = this.machine;
    return `${hasOwnNames ? CONTROL_PLANE_NAME : address}:${XDS_PORT}`;
  }

  get isthmusd(): LabProcess {
    return this.#isthmusd;
  }

  /** The administrator's kubeconfig, as seen from outside the machine. */
  get kubeconfig(): string {
    return adminKubeconfig(this.machine);
  }

  /** Types a line beside the control plane, as its administrator. */
  async type(line: string): Promise<CommandResult> {
    const KUBECONFIG = this.machine.own(`${DATA_DIR}/admin.kubeconfig`);
    return await this.machine.run(typed(line), { env: { KUBECONFIG } });
  }

  /** `kill -9`, and again. */
  async restartIsthmusd(): Promise<void> {
    await this.#isthmusd.kill();
    this.#isthmusd = await launchIsthmusd(this.machine, this.#options);
  }

  async restartApiServer(): Promise<void> {
    await this.#apiServer.stop();
    this.#apiServer = await launchApiServer(this.machine);
  }

  /** Creates or changes objects, in order, as `kubectl apply` would. */
  async apply(...manifests: readonly Manifest[]): Promise<void> {
    for (const { type, object } of manifests) {
      const { name, namespace } = object.metadata;
      const status = object.status;
      try {
        await this.kube.create(type, object);
      } catch (error) {
        if (!isAlreadyExists(error)) throw error;
        await this.kube.patch(type, { name, namespace }, object, { kind: 'merge' });
      }
      if (status === undefined) continue;
      const patch = { kind: 'merge', subresource: 'status' } as const;
      await this.kube.patch(type, { name, namespace }, { status }, patch);
    }
  }

  async remove(...manifests: readonly Manifest[]): Promise<void> {
    for (const { type, object } of manifests) await this.kube.remove(type, object.metadata);
  }

  /** The object, once it is there: the control plane makes some in its own time. */
  async awaitObject(
    type: Manifest['type'],
    ref: { namespace: string; name: string },
  ): Promise<KubeObject> {
    return await eventually(`${type.kind} ${ref.namespace}/${ref.name}`, async () => {
      try {
        return await this.kube.get(type, ref);
      } catch (error) {
        if (isNotFound(error)) return undefined;
        throw error;
      }
    });
  }

  /** The mesh's root certificates, PEM, from where every namespace has them. */
  async rootCertificates(): Promise<string> {
    const ref = { namespace: NAMESPACE_OF_STORY, name: 'istio-ca-root-cert' };
    const { data } = await this.awaitObject(CONFIG_MAP, ref);
    const isMap = typeof data === 'object' && data !== null && 'root-cert.pem' in data;
    if (isMap && typeof data['root-cert.pem'] === 'string') return data['root-cert.pem'];
    throw new OperatorError('LAB_FAILED', `ConfigMap ${ref.name} has no root-cert.pem`, {
      remedy: 'read the log of isthmusd',
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.kube.close();
    await Promise.all([this.#isthmusd.stop(), this.#apiServer.stop()]);
  }
}

const adminKubeconfig = (machine: Host): string => machine.path(`${DATA_DIR}/admin.kubeconfig`);

async function launchApiServer(machine: Host): Promise<LabProcess> {
  const listen = `${machine.address}:${API_PORT}`;
  const dataDir = machine.own(DATA_DIR);
  const flags = ['--data-dir', dataDir, '--listen', listen, '--service-cidr', SERVICE_CIDR];
  return await launch(machine, 'apiserver', isthmus('apiserver', ...flags));
}

async function launchIsthmusd(machine: Host, { undoSeconds }: ClusterOptions): Promise<LabProcess> {
  const { address, anyAddress } = machine;
  const kubeconfig = machine.own(`${DATA_DIR}/isthmusd.kubeconfig`);
  const flags = ['--kubeconfig', kubeconfig, '--state-dir', machine.own(STATE_DIR)];
  const listen = ['--listen', `${anyAddress}:${XDS_PORT}`, '--tls-san', address];
  const pages = ['--monitoring', `${anyAddress}:${MONITORING_PORT}`];
  const webhookUrl = ['--webhook-url', `https://${address}:${WEBHOOK_PORT}`];
  const webhooks = ['--webhooks', `${anyAddress}:${WEBHOOK_PORT}`, ...webhookUrl];
  const page = ['--console', `${anyAddress}:${CONSOLE_PORT}`, '--console-tls', 'off'];
  const undo = undoSeconds === undefined ? [] : ['--undo-seconds', String(undoSeconds)];
  const words = ['isthmusd', ...flags, ...listen, ...pages, ...page, ...undo, ...webhooks];
  return await launch(machine, 'isthmusd', isthmus(...words));
}

/** Starts a server of Isthmus and waits for the line in which it says that it serves. */
async function launch(
  machine: Host,
  name: string,
  command: readonly string[],
): Promise<LabProcess> {
  const server = machine.start(name, command);
  await server.waitForLine(/\bready\b/, { what: 'start', limitMs: READY_LIMIT_MS });
  return server;
}
