// One container of a Pod, as the API has it.
import {
  type Fields,
  integerAt,
  isTrueAt,
  optionalRecordAt,
  portAt,
  recordAt,
  recordsAt,
  textAt,
  textMapAt,
  textsAt,
} from './fields.ts';
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
  const lifecycle = recordAt(container, 'lifecycle');
  const resources = recordAt(container, 'resources');
  return {
    name: textAt(container, 'name'),
    image: textAt(container, 'image'),
    pullPolicy: textAt(container, 'imagePullPolicy') || 'IfNotPresent',
    command: textsAt(container, 'command'),
    args: textsAt(container, 'args'),
    workingDir: textAt(container, 'workingDir'),
    env: recordsAt(container, 'env').map(readEnvVar),
    envFrom: recordsAt(container, 'envFrom').flatMap(readEnvFrom),
    mounts: recordsAt(container, 'volumeMounts').map(readMount),
    ports: recordsAt(container, 'ports').map((port) => ({
      name: textAt(port, 'name'),
      port: integerAt(port, 'containerPort') ?? 0,
    })),
    startupProbe: readProbe(optionalRecordAt(container, 'startupProbe')),
    readinessProbe: readProbe(optionalRecordAt(container, 'readinessProbe')),
    livenessProbe: readProbe(optionalRecordAt(container, 'livenessProbe')),
    isSidecar: textAt(container, 'restartPolicy') === 'Always',
    user: readUser(recordAt(container, 'securityContext'), podSecurity),
    preStop: readHook(optionalRecordAt(lifecycle, 'preStop')),
    hasPostStart: optionalRecordAt(lifecycle, 'postStart') !== undefined,
    terminationMessagePath: textAt(container, 'terminationMessagePath') || '/dev/termination-log',
    explainsByLogs: textAt(container, 'terminationMessagePolicy') === 'FallbackToLogsOnError',
    requests: quantitiesAt(resources, 'requests'),
    limits: quantitiesAt(resources, 'limits'),
  };
}

/** Quantities may come as plain numbers: `cpu: 1`. */
function quantitiesAt(of: Fields, field: string): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(recordAt(of, field)).flatMap(([name, value]) =>
      typeof value === 'string' || typeof value === 'number' ? [[name, String(value)]] : [],
    ),
  );
}

function readUser(own: Fields, pod: Fields): ContainerSpec['user'] {
  const uid = integerAt(own, 'runAsUser') ?? integerAt(pod, 'runAsUser');
  const gid = integerAt(own, 'runAsGroup') ?? integerAt(pod, 'runAsGroup');
  if (uid === undefined && gid === undefined) return undefined;
  return { uid: uid ?? 0, gid: gid ?? 0 };
}

function readEnvVar(variable: Fields): EnvVar {
  const name = textAt(variable, 'name');
  const from = optionalRecordAt(variable, 'valueFrom');
  if (!from) return { name, value: textAt(variable, 'value') };
  return { name, from: readValueSource(from) };
}

function readValueSource(from: Fields): ValueSource {
  const field = readFieldSource(from);
  if (field) return field;
  for (const [kind, reference] of [
    ['secret', optionalRecordAt(from, 'secretKeyRef')],
    ['configmap', optionalRecordAt(from, 'configMapKeyRef')],
  ] as const) {
    if (!reference) continue;
    return {
      kind,
      object: textAt(reference, 'name'),
      key: textAt(reference, 'key'),
      isOptional: isTrueAt(reference, 'optional'),
    };
  }
  return { kind: 'unsupported', what: Object.keys(from)[0] ?? 'valueFrom' };
}

/** `fieldRef` or `resourceFieldRef`, in an environment as in a volume. */
export function readFieldSource(from: Fields): FieldSource | undefined {
  const field = optionalRecordAt(from, 'fieldRef');
  if (field) return { kind: 'field', path: textAt(field, 'fieldPath') };
  const resource = optionalRecordAt(from, 'resourceFieldRef');
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
    const isOptional = isTrueAt(reference, 'optional');
    return [{ kind, object: textAt(reference, 'name'), prefix, isOptional }];
  };
  return [
    ...read('configmap', optionalRecordAt(source, 'configMapRef')),
    ...read('secret', optionalRecordAt(source, 'secretRef')),
  ];
}

function readMount(mount: Fields): MountSpec {
  const expression = textAt(mount, 'subPathExpr');
  return {
    volume: textAt(mount, 'name'),
    path: textAt(mount, 'mountPath'),
    isReadOnly: isTrueAt(mount, 'readOnly'),
    subPath: expression || textAt(mount, 'subPath'),
    isSubPathExpanded: expression !== '',
  };
}

function readProbe(probe: Fields | undefined): ProbeSpec | undefined {
  if (!probe) return undefined;
  return {
    action: readAction(probe),
    initialDelayMs: (integerAt(probe, 'initialDelaySeconds') ?? 0) * 1000,
    periodMs: Math.max(1, integerAt(probe, 'periodSeconds') ?? PROBE_PERIOD_SECONDS) * 1000,
    timeoutMs: Math.max(1, integerAt(probe, 'timeoutSeconds') ?? 1) * 1000,
    successThreshold: Math.max(1, integerAt(probe, 'successThreshold') ?? 1),
    failureThreshold: Math.max(1, integerAt(probe, 'failureThreshold') ?? PROBE_FAILURES),
  };
}

function readHook(hook: Fields | undefined): ContainerSpec['preStop'] {
  if (!hook) return undefined;
  const sleep = optionalRecordAt(hook, 'sleep');
  return sleep ? { kind: 'sleep', seconds: integerAt(sleep, 'seconds') ?? 0 } : readAction(hook);
}

function readAction(handler: Fields): ProbeAction {
  const http = optionalRecordAt(handler, 'httpGet');
  if (http) {
    return {
      kind: 'http',
      host: textAt(http, 'host'),
      port: portAt(http, 'port'),
      path: textAt(http, 'path') || '/',
      scheme: textAt(http, 'scheme') === 'HTTPS' ? 'HTTPS' : 'HTTP',
      headers: recordsAt(http, 'httpHeaders').map((header) => ({
        name: textAt(header, 'name'),
        value: textAt(header, 'value'),
      })),
    };
  }
  const tcp = optionalRecordAt(handler, 'tcpSocket');
  if (tcp) return { kind: 'tcp', host: textAt(tcp, 'host'), port: portAt(tcp, 'port') };
  const exec = optionalRecordAt(handler, 'exec');
  if (exec) return { kind: 'exec', command: textsAt(exec, 'command') };
  return { kind: 'unsupported', what: 'grpc' };
}
