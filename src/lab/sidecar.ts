// A machine's membership in the mesh: the files that bring it in, its agent, and what its Envoy
// says of itself.
import { OperatorError } from '#base/operator-error.ts';
import { POD } from '#kube/resources.ts';
import { type Cluster, CONTROL_PLANE_NAME, isthmus } from './cluster.ts';
import { parseCertificates, parseEnvoyPid, type ServedCertificate } from './envoy-admin.ts';
import { until } from './eventually.ts';
import type { Host } from './host.ts';
import { NAMESPACE_OF_STORY } from './manifests.ts';
import type { LabProcess } from './process.ts';

const TOKEN_AUDIENCE = 'istio-ca';
const TOKEN_SECONDS = 3_600;
const ADMIN_PORT = 15_000;
const STATUS_PORT = 15_020;
const READY_PORT = 15_021;

/** Istio's own paths on a VM and in a Pod. */
const TOKEN_FILE = '/var/run/secrets/tokens/istio-token';
const CLUSTER_ENV = '/var/lib/istio/envoy/cluster.env';
const VM_ROOT_FILE = '/etc/certs/root-cert.pem';
const POD_ROOT_FILE = '/var/run/secrets/istio/root-cert.pem';
/** The certificate that an agent has from one run to the next. */
const SEALED_IDENTITY = '/var/lib/istio/data/identity.sealed';
const ACCESS_LOG = '/var/log/istio/istio.log';

export type SidecarOptions = {
  readonly serviceAccount: string;
  /** Ports that are captured inbound. */
  readonly inboundPorts: readonly number[];
  /** Lifetime that certificates are asked for, Istio's SECRET_TTL; default the CA's. */
  readonly certificateLifetime?: string;
  /** How long a session may outlive what it was let in by, such as `2s`; default the agent's. */
  readonly drainDuration?: string;
};

export class Sidecar {
  readonly machine: Host;
  readonly serviceAccount: string;
  readonly #env: NodeJS.ProcessEnv;
  #agent: LabProcess;

  private constructor(machine: Host, serviceAccount: string, env: NodeJS.ProcessEnv) {
    this.machine = machine;
    this.serviceAccount = serviceAccount;
    this.#env = env;
    this.#agent = this.#launch();
  }

  /** Brings in a Pod: its token is bound to it, its settings are in its environment. */
  static async forPod(cluster: Cluster, machine: Host, options: SidecarOptions): Promise<Sidecar> {
    const ref = { namespace: NAMESPACE_OF_STORY, name: machine.name };
    const { metadata } = await cluster.kube.get(POD, ref);
    const { token } = await createToken(cluster, options.serviceAccount, {
      boundPod: { name: metadata.name, uid: metadata.uid ?? '' },
    });
    machine.writeFile(POD_ROOT_FILE, await cluster.rootCertificates());
    machine.writeFile(TOKEN_FILE, token, 0o600);
    const env = {
      POD_NAME: machine.name,
      POD_NAMESPACE: NAMESPACE_OF_STORY,
      SERVICE_ACCOUNT: options.serviceAccount,
      INSTANCE_IP: machine.address,
      ...commonSettings(cluster, options),
    };
    return new Sidecar(machine, options.serviceAccount, env);
  }

  /** Brings in a VM with the files that an operator copies there. */
  static async forVm(cluster: Cluster, machine: Host, options: SidecarOptions): Promise<Sidecar> {
    const { serviceAccount } = options;
    const { token } = await createToken(cluster, serviceAccount);
    machine.writeFile(VM_ROOT_FILE, await cluster.rootCertificates());
    machine.writeFile(TOKEN_FILE, token, 0o600);
    const settings = {
      ISTIO_NAMESPACE: NAMESPACE_OF_STORY,
      ISTIO_SERVICE: `${machine.name}.${NAMESPACE_OF_STORY}`,
      SERVICE_ACCOUNT: serviceAccount,
      ISTIO_SVC_IP: machine.address,
      ISTIO_META_WORKLOAD_ENTRY: machine.name,
      ...commonSettings(cluster, options),
    };
    const lines = Object.entries(settings).map(([name, value]) => `${name}='${value}'\n`);
    machine.writeFile(CLUSTER_ENV, lines.join(''));
    return new Sidecar(machine, serviceAccount, {});
  }

  get agent(): LabProcess {
    return this.#agent;
  }

  /** Waits until the workload is fit for traffic: certificate, Envoy, capture verified. */
  async ready(): Promise<void> {
    await until(`a workload of the mesh on ${this.machine.name}`, async () => {
      if (!this.#agent.isRunning) {
        throw new OperatorError('LAB_FAILED', `the agent ended: ${this.#agent.tail}`, {
          remedy: `read the whole log of the agent on ${this.machine.name}`,
        });
      }
      return await this.#answers(READY_PORT, '/healthz/ready');
    });
  }

  /** Ends the agent, with SIGKILL where said, and starts it again; Envoy is to live on. */
  async restartAgent(how: 'stop' | 'kill'): Promise<void> {
    await (how === 'kill' ? this.#agent.kill() : this.#agent.stop());
    this.#agent = this.#launch();
    await this.ready();
  }

  /** A Pod's agent begins anew with the roots that the mesh has now, as a new Pod's would. */
  async renewTrust(cluster: Cluster): Promise<void> {
    await this.#agent.stop();
    await this.machine.run(['rm', '-f', this.machine.own(SEALED_IDENTITY)]);
    this.machine.writeFile(POD_ROOT_FILE, await cluster.rootCertificates());
    this.#agent = this.#launch();
    await this.ready();
  }

  /** An answer of Envoy's admin interface. */
  async admin(path: string): Promise<string> {
    return await this.machine.httpGet(ADMIN_PORT, path);
  }

  /** The certificates that Envoy uses now, as it says. */
  async certificates(): Promise<readonly ServedCertificate[]> {
    return parseCertificates(await this.admin('/certs'));
  }

  /** Process number of its Envoy, as its agent knows it. */
  async envoyPid(): Promise<number> {
    return parseEnvoyPid(await this.machine.httpGet(STATUS_PORT, '/debug/status'));
  }

  accessLog(): string[] {
    return this.machine.readFile(ACCESS_LOG).split('\n').filter(Boolean);
  }

  #launch(): LabProcess {
    return this.machine.start('agent', isthmus('agent'), { env: this.#env });
  }

  async #answers(port: number, path: string): Promise<boolean> {
    try {
      await this.machine.httpGet(port, path);
      return true;
    } catch (error) {
      if (error instanceof OperatorError) return false;
      throw error;
    }
  }
}

function commonSettings(cluster: Cluster, options: SidecarOptions): Record<string, string> {
  const { inboundPorts, certificateLifetime, drainDuration } = options;
  return {
    PILOT_ADDRESS: cluster.agentAddress,
    ISTIOD_SAN: CONTROL_PLANE_NAME,
    ISTIO_INBOUND_PORTS: inboundPorts.join(','),
    ISTIO_SERVICE_CIDR: '*',
    ...(certificateLifetime && { SECRET_TTL: certificateLifetime }),
    ...(drainDuration && { ISTHMUS_DRAIN_DURATION: drainDuration }),
  };
}

async function createToken(
  cluster: Cluster,
  name: string,
  bound: { readonly boundPod?: { readonly name: string; readonly uid: string } } = {},
): Promise<{ readonly token: string }> {
  const options = { audiences: [TOKEN_AUDIENCE], expirationSeconds: TOKEN_SECONDS, ...bound };
  return await cluster.kube.createToken({ namespace: NAMESPACE_OF_STORY, name }, options);
}
