// One container of a Pod, as the API has it.
import { type Fields, fieldsOf, numberAt, objectsAt, textAt, textsAt } from '#kube/fields.ts';
import { optionalFieldsAt, portAt } from './fields.ts';
import type {
  ContainerSpec,
  EnvFrom,
  EnvVar,
  FieldSource,
  MountSpec,
  ProbeAction,
  ProbeSpec,
  ValueSource,
} from './spec.ts';

/** Values that the API fills in where a probe says nothing. */
const PROBE_PERIOD_SECONDS = 10;
const PROBE_FAILURES = 3;

/** @param podSecurity the Pod's securityContext, which the container's own goes before */
export function readContainer(container: Fields, podSecurity: Fields): ContainerSpec {
  const lifecycle = fieldsOf(container, 'lifecycle');
  const resources = fieldsOf(container, 'resources');
  return {
    name: textAt(container, 'name'),
    image: textAt(container, 'image'),
    pullPolicy: textAt(container, 'imagePullPolicy') || 'IfNotPresent',
    command: textsAt(container, 'command'),
    args: textsAt(container, 'args'),
    workingDir: textAt(container, 'workingDir'),
    env: objectsAt(container, 'env').map(readEnvVar),
    envFrom: objectsAt(container, 'envFrom').flatMap(readEnvFrom),
    mounts: objectsAt(container, 'volumeMounts').map(readMount),
    ports: objectsAt(container, 'ports').map((port) => ({
      name: textAt(port, 'name'),
      port: numberAt(port, 'containerPort') ?? 0,
    })),
    startupProbe: readProbe(optionalFieldsAt(container, 'startupProbe')),
    readinessProbe: readProbe(optionalFieldsAt(container, 'readinessProbe')),
    livenessProbe: readProbe(optionalFieldsAt(container, 'livenessProbe')),
    isSidecar: textAt(container, 'restartPolicy') === 'Always',
    user: readUser(fieldsOf(container, 'securityContext'), podSecurity),
    preStop: readHook(optionalFieldsAt(lifecycle, 'preStop')),
    hasPostStart: optionalFieldsAt(lifecycle, 'postStart') !== undefined,
    terminationMessagePath: textAt(container, 'terminationMessagePath') || '/dev/termination-log',
    explainsByLogs: textAt(container, 'terminationMessagePolicy') === 'FallbackToLogsOnError',
    requests: quantitiesAt(resources, 'requests'),
    limits: quantitiesAt(resources, 'limits'),
  };
}

/** Quantities may come as plain numbers: `cpu: 1`. */
function quantitiesAt(of: Fields, field: string): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(fieldsOf(of, field)).flatMap(([name, value]) =>
      typeof value === 'string' || typeof value === 'number' ? [[name, String(value)]] : [],
    ),
  );
}

function readUser(own: Fields, pod: Fields): ContainerSpec['user'] {
  const uid = numberAt(own, 'runAsUser') ?? numberAt(pod, 'runAsUser');
  const gid = numberAt(own, 'runAsGroup') ?? numberAt(pod, 'runAsGroup');
  // Root is what a container is anyway, with the rights over its Pod's network that it has.
  if (!uid && !gid) return undefined;
  return { uid: uid ?? 0, gid: gid ?? 0 };
}

function readEnvVar(variable: Fields): EnvVar {
  const name = textAt(variable, 'name');
  const from = optionalFieldsAt(variable, 'valueFrom');
  if (!from) return { name, value: textAt(variable, 'value') };
  return { name, from: readValueSource(from) };
}

function readValueSource(from: Fields): ValueSource {
  const field = readFieldSource(from);
  if (field) return field;
  for (const [kind, reference] of [
    ['secret', optionalFieldsAt(from, 'secretKeyRef')],
    ['configmap', optionalFieldsAt(from, 'configMapKeyRef')],
  ] as const) {
    if (!reference) continue;
    return {
      kind,
      object: textAt(reference, 'name'),
      key: textAt(reference, 'key'),
      isOptional: reference['optional'] === true,
    };
  }
  return { kind: 'unsupported', what: Object.keys(from)[0] ?? 'valueFrom' };
}

/** `fieldRef` or `resourceFieldRef`, in an environment as in a volume. */
export function readFieldSource(from: Fields): FieldSource | undefined {
  const field = optionalFieldsAt(from, 'fieldRef');
  if (field) return { kind: 'field', path: textAt(field, 'fieldPath') };
  const resource = optionalFieldsAt(from, 'resourceFieldRef');
  if (!resource) return undefined;
  const divisor = resource['divisor'];
  return {
    kind: 'resource',
    container: textAt(resource, 'containerName'),
    resource: textAt(resource, 'resource'),
    divisor: typeof divisor === 'number' ? String(divisor) : textAt(resource, 'divisor'),
  };
}

function readEnvFrom(source: Fields): EnvFrom[] {
  const prefix = textAt(source, 'prefix');
  const read = (kind: EnvFrom['kind'], reference: Fields | undefined): EnvFrom[] => {
    if (!reference) return [];
    const isOptional = reference['optional'] === true;
    return [{ kind, object: textAt(reference, 'name'), prefix, isOptional }];
  };
  return [
    ...read('configmap', optionalFieldsAt(source, 'configMapRef')),
    ...read('secret', optionalFieldsAt(source, 'secretRef')),
  ];
}

function readMount(mount: Fields): MountSpec {
  const expression = textAt(mount, 'subPathExpr');
  return {
    volume: textAt(mount, 'name'),
    path: textAt(mount, 'mountPath'),
    isReadOnly: mount['readOnly'] === true,
    subPath: expression || textAt(mount, 'subPath'),
    isSubPathExpanded: expression !== '',
  };
}

function readProbe(probe: Fields | undefined): ProbeSpec | undefined {
  if (!probe) return undefined;
  return {
    action: readAction(probe),
    initialDelayMs: (numberAt(probe, 'initialDelaySeconds') ?? 0) * 1000,
    periodMs: Math.max(1, numberAt(probe, 'periodSeconds') ?? PROBE_PERIOD_SECONDS) * 1000,
    timeoutMs: Math.max(1, numberAt(probe, 'timeoutSeconds') ?? 1) * 1000,
    successThreshold: Math.max(1, numberAt(probe, 'successThreshold') ?? 1),
    failureThreshold: Math.max(1, numberAt(probe, 'failureThreshold') ?? PROBE_FAILURES),
  };
}

function readHook(hook: Fields | undefined): ContainerSpec['preStop'] {
  if (!hook) return undefined;
  const sleep = optionalFieldsAt(hook, 'sleep');
  return sleep ? { kind: 'sleep', seconds: numberAt(sleep, 'seconds') ?? 0 } : readAction(hook);
}

function readAction(handler: Fields): ProbeAction {
  const http = optionalFieldsAt(handler, 'httpGet');
  if (http) {
    return {
      kind: 'http',
      host: textAt(http, 'host'),
      port: portAt(http, 'port'),
      path: textAt(http, 'path') || '/',
      scheme: textAt(http, 'scheme') === 'HTTPS' ? 'HTTPS' : 'HTTP',
      headers: objectsAt(http, 'httpHeaders').map((header) => ({
        name: textAt(header, 'name'),
        value: textAt(header, 'value'),
      })),
    };
  }
  const tcp = optionalFieldsAt(handler, 'tcpSocket');
  if (tcp) return { kind: 'tcp', host: textAt(tcp, 'host'), port: portAt(tcp, 'port') };
  const exec = optionalFieldsAt(handler, 'exec');
  if (exec) return { kind: 'exec', command: textsAt(exec, 'command') };
  return { kind: 'unsupported', what: 'grpc' };
}
