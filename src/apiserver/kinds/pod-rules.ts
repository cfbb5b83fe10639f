// Rules for a pod's spec, in Pods and in the templates of workloads.
import { fieldOf, itemOf } from '../field-path.ts';
import { nameProblem } from '../metadata-validation.ts';
import type { JsonObject } from '../object.ts';
import { isJsonObject, numberAt, objectAt, objectsAt, stringAt } from '../object.ts';
import type { Violation } from '../violation.ts';
import { duplicate, invalid, notFound, notSupported, required } from '../violation.ts';
import { validatePortName, validatePortNumber } from './port-rules.ts';

const RESTART_POLICIES = ['Always', 'OnFailure', 'Never'];
const PULL_POLICIES = ['Always', 'IfNotPresent', 'Never'];
const PROTOCOLS = ['SCTP', 'TCP', 'UDP'];

/** @param path of the spec, `spec` or `spec.template.spec` */
export function validatePodSpec(spec: JsonObject, path: string): Violation[] {
  const volumes = objectsAt(spec, 'volumes');
  const volumeNames = new Set(volumes.map((volume) => stringAt(volume, 'name')));
  const containers = objectsAt(spec, 'containers');
  const all = (['containers', 'initContainers'] as const).flatMap((field) =>
    objectsAt(spec, field).map(
      (container, index) => [container, itemOf(fieldOf(path, field), index)] as const,
    ),
  );
  const policy = stringAt(spec, 'restartPolicy');
  return [
    ...(containers.length === 0 ? [required(fieldOf(path, 'containers'))] : []),
    ...validateNames(all),
    ...all.flatMap(([container, at]) => validateContainer(container, at, volumeNames)),
    ...validateNames(
      volumes.map((volume, index) => [volume, itemOf(fieldOf(path, 'volumes'), index)] as const),
    ),
    ...(RESTART_POLICIES.includes(policy)
      ? []
      : [notSupported(fieldOf(path, 'restartPolicy'), policy, RESTART_POLICIES)]),
  ];
}

/** Things with names that must be labels and differ from one another. */
function validateNames(things: readonly (readonly [JsonObject, string])[]): Violation[] {
  const seen = new Set<string>();
  return things.flatMap(([thing, path]) => {
    const at = fieldOf(path, 'name');
    const name = stringAt(thing, 'name');
    if (name === '') return [required(at)];
    if (seen.has(name)) return [duplicate(at, name)];
    seen.add(name);
    const problem = nameProblem('label', name);
    return problem === undefined ? [] : [invalid(at, name, problem)];
  });
}

function validateContainer(
  container: JsonObject,
  path: string,
  volumes: ReadonlySet<string>,
): Violation[] {
  const policy = stringAt(container, 'imagePullPolicy');
  return [
    ...(stringAt(container, 'image') === '' ? [required(fieldOf(path, 'image'))] : []),
    ...(PULL_POLICIES.includes(policy)
      ? []
      : [notSupported(fieldOf(path, 'imagePullPolicy'), policy, PULL_POLICIES)]),
    ...objectsAt(container, 'ports').flatMap((port, index) =>
      validateContainerPort(port, itemOf(fieldOf(path, 'ports'), index)),
    ),
    ...objectsAt(container, 'env').flatMap((variable, index) =>
      validateEnv(variable, itemOf(fieldOf(path, 'env'), index)),
    ),
    ...objectsAt(container, 'volumeMounts').flatMap((mount, index) =>
      validateMount(mount, itemOf(fieldOf(path, 'volumeMounts'), index), volumes),
    ),
    ...(['livenessProbe', 'readinessProbe', 'startupProbe'] as const).flatMap((field) =>
      validateProbe(container[field], fieldOf(path, field)),
    ),
  ];
}

function validateContainerPort(port: JsonObject, path: string): Violation[] {
  const name = stringAt(port, 'name');
  const protocol = stringAt(port, 'protocol');
  return [
    ...validatePortNumber(numberAt(port, 'containerPort') ?? 0, fieldOf(path, 'containerPort')),
    ...(name === '' ? [] : validatePortName(name, fieldOf(path, 'name'))),
    ...(PROTOCOLS.includes(protocol)
      ? []
      : [notSupported(fieldOf(path, 'protocol'), protocol, PROTOCOLS)]),
  ];
}

function validateEnv(variable: JsonObject, path: string): Violation[] {
  const name = stringAt(variable, 'name');
  const isBoth = stringAt(variable, 'value') !== '' && isJsonObject(variable['valueFrom']);
  return [
    ...(name === '' ? [required(fieldOf(path, 'name'))] : []),
    ...(name !== '' && /[=\0]/.test(name)
      ? [invalid(fieldOf(path, 'name'), name, "must not contain '='")]
      : []),
    ...(isBoth
      ? [invalid(fieldOf(path, 'valueFrom'), '', 'may not be specified when `value` is not empty')]
      : []),
  ];
}

function validateMount(mount: JsonObject, path: string, volumes: ReadonlySet<string>): Violation[] {
  const name = stringAt(mount, 'name');
  return [
    ...(name === '' ? [required(fieldOf(path, 'name'))] : []),
    ...(name !== '' && !volumes.has(name) ? [notFound(fieldOf(path, 'name'), name)] : []),
    ...(stringAt(mount, 'mountPath') === '' ? [required(fieldOf(path, 'mountPath'))] : []),
  ];
}

const HANDLERS = ['exec', 'httpGet', 'tcpSocket', 'grpc'];

function validateProbe(probe: JsonObject[string], path: string): Violation[] {
  if (!isJsonObject(probe)) return [];
  const handlers = HANDLERS.filter((handler) => probe[handler] !== undefined);
  if (handlers.length === 0) return [required(path, 'must specify a handler type')];
  const [, second] = handlers;
  if (second !== undefined) {
    return [invalid(fieldOf(path, second), '', 'may not specify more than 1 handler type')];
  }
  const port = objectAt(probe, 'httpGet')['port'] ?? objectAt(probe, 'tcpSocket')['port'];
  return typeof port === 'number' ? validatePortNumber(port, `${path}.${handlers[0]}.port`) : [];
}
