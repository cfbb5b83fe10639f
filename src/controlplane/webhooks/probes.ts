// Probes through the agent. kubelet has no certificate of the mesh, so that under STRICT its probes
// would be refused; they are sent to the agent's own port instead, which asks the application from
// beside it. The form is Istio's (pkg/kube/inject/app_probe.go).
import { numberAt, objectsAt, textAt, type Fields } from '#kube/fields.ts';
import { isRecord } from '#kube/objects.ts';

/** The agent's status port. */
export const STATUS_PORT = 15_020;

const PROBES = [
  ['readinessProbe', 'readyz'],
  ['livenessProbe', 'livez'],
  ['startupProbe', 'startupz'],
] as const;

export type RewrittenProbes = {
  /** The same containers with other probes. */
  readonly containers: readonly Fields[];
  /** Path at the agent → the probe as it was: the value of ISTIO_KUBE_APP_PROBERS. */
  readonly probers: Readonly<Record<string, Fields>>;
};

export function rewriteProbes(containers: readonly Fields[]): RewrittenProbes {
  const probers: Record<string, Fields> = {};
  const rewritten = containers.map((container) => {
    const changes = PROBES.flatMap(([field, ending]) => {
      const probe = container[field];
      if (!isRecord(probe)) return [];
      const original = proberOf(probe, container);
      if (!original) return [];
      const path = `/app-health/${textAt(container, 'name')}/${ending}`;
      probers[path] = original;
      return [[field, viaAgent(probe, path)] as const];
    });
    return { ...container, ...Object.fromEntries(changes) };
  });
  return { containers: rewritten, probers };
}

/** Commands run within the container anyway; a probe of another host is not the application's. */
function proberOf(probe: Fields, container: Fields): Fields | undefined {
  const timeoutSeconds = numberAt(probe, 'timeoutSeconds') ?? 1;
  for (const handler of ['httpGet', 'tcpSocket'] as const) {
    const action = probe[handler];
    if (!isRecord(action)) continue;
    const port = portOf(action['port'], container);
    if (port === undefined || port === STATUS_PORT || textAt(action, 'host') !== '')
      return undefined;
    return { [handler]: { ...action, port }, timeoutSeconds };
  }
  return isRecord(probe['grpc']) ? { grpc: probe['grpc'], timeoutSeconds } : undefined;
}

function portOf(port: unknown, container: Fields): number | undefined {
  if (typeof port === 'number') return port;
  const named = objectsAt(container, 'ports').find((one) => one['name'] === port);
  return named && numberAt(named, 'containerPort');
}

function viaAgent(probe: Fields, path: string): Fields {
  const { tcpSocket: _tcp, grpc: _grpc, httpGet: _http, ...timing } = probe;
  return { ...timing, httpGet: { path, port: STATUS_PORT, scheme: 'HTTP' } };
}
