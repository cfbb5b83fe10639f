// Services: defaults, rules and the addresses they are given.
import { isIP } from 'node:net';
import { fieldOf, itemOf } from '../field-path.ts';
import { nameProblem, validateLabels } from '../metadata-validation.ts';
import type { Json, JsonObject, KubeObject } from '../object.ts';
import {
  isJsonObject,
  numberAt,
  objectAt,
  objectsAt,
  stringAt,
  withFallbacks,
  without,
} from '../object.ts';
import type { Violation } from '../violation.ts';
import { duplicate, invalid, notSupported, required } from '../violation.ts';
import type { Behaviour } from './kind.ts';
import { validatePortName, validatePortNumber } from './port-rules.ts';
import type { ServiceAddresses } from './service-addresses.ts';

const TYPES = ['ClusterIP', 'ExternalName', 'LoadBalancer', 'NodePort'];
const PROTOCOLS = ['SCTP', 'TCP', 'UDP'];
const AFFINITIES = ['ClientIP', 'None'];
const CLIENT_IP_TIMEOUT_SECONDS = 10_800;

export function serviceBehaviour(addresses: ServiceAddresses): Behaviour {
  return {
    defaults(draft) {
      draft['spec'] = specWithDefaults(objectAt(draft, 'spec'));
    },
    prepareCreate(draft) {
      draft['status'] = { loadBalancer: {} };
    },
    prepareUpdate(draft, previous) {
      draft['spec'] = withAllocated(objectAt(draft, 'spec'), objectAt(previous, 'spec'));
    },
    validate,
    validateUpdate,
    allocate: (draft) => addresses.allocate(draft),
    returnsDeleted: true,
  };
}

function specWithDefaults(spec: JsonObject): JsonObject {
  const type = stringAt(spec, 'type') || 'ClusterIP';
  const isExternalName = type === 'ExternalName';
  const isReachable = type === 'NodePort' || type === 'LoadBalancer';
  const affinity = stringAt(spec, 'sessionAffinity') || 'None';
  return {
    ...withFallbacks(spec, {
      type,
      sessionAffinity: affinity,
      ...(affinity === 'ClientIP' && {
        sessionAffinityConfig: { clientIP: { timeoutSeconds: CLIENT_IP_TIMEOUT_SECONDS } },
      }),
      ...(!isExternalName && {
        internalTrafficPolicy: 'Cluster',
        ipFamilies: ['IPv4'],
        ipFamilyPolicy: 'SingleStack',
      }),
      ...(isReachable && { externalTrafficPolicy: 'Cluster' }),
      ...(type === 'LoadBalancer' && { allocateLoadBalancerNodePorts: true }),
    }),
    ...(spec['ports'] !== undefined && {
      ports: objectsAt(spec, 'ports').map((port) => portWithDefaults(port)),
    }),
    ...(stringAt(spec, 'clusterIP') !== '' && { clusterIPs: [stringAt(spec, 'clusterIP')] }),
  };
}

function portWithDefaults(port: JsonObject): JsonObject {
  const target = port['targetPort'] === 0 ? { ...port, targetPort: undefined } : port;
  return withFallbacks(target, { protocol: 'TCP', targetPort: port['port'] });
}

/** A PUT that does not repeat what was allocated keeps it, unless the type says otherwise. */
function withAllocated(spec: JsonObject, previous: JsonObject): JsonObject {
  const needsIp = stringAt(spec, 'type') !== 'ExternalName';
  const hadIp = stringAt(previous, 'type') !== 'ExternalName';
  if (!needsIp) return without(spec, 'clusterIP', 'clusterIPs');
  if (!hadIp || stringAt(spec, 'clusterIP') !== '') return spec;
  return { ...spec, clusterIP: previous['clusterIP'], clusterIPs: previous['clusterIPs'] };
}

function validate(service: KubeObject): Violation[] {
  const spec = objectAt(service, 'spec');
  const type = stringAt(spec, 'type');
  const selector = objectAt(spec, 'selector');
  const labels = Object.fromEntries(
    Object.entries(selector).map(([key, value]) => [key, typeof value === 'string' ? value : '']),
  );
  return [
    ...(TYPES.includes(type) ? [] : [notSupported('spec.type', type, TYPES)]),
    ...validatePorts(spec),
    ...validateLabels(labels, 'spec.selector'),
    ...(AFFINITIES.includes(stringAt(spec, 'sessionAffinity'))
      ? []
      : [notSupported('spec.sessionAffinity', spec['sessionAffinity'], AFFINITIES)]),
    ...validateClusterIp(spec),
    ...(type === 'ExternalName' ? validateExternalName(spec) : []),
  ];
}

function validateClusterIp(spec: JsonObject): Violation[] {
  const ip = stringAt(spec, 'clusterIP');
  const isExternalName = stringAt(spec, 'type') === 'ExternalName';
  if (isExternalName && ip !== '') {
    return [invalid('spec.clusterIPs', [ip], 'may not be set when `type` is "ExternalName"')];
  }
  if (ip === '' || ip === 'None' || isIP(ip) === 4) return [];
  const why = "must be empty, 'None', or an IPv4 address of the service range";
  return [invalid('spec.clusterIPs[0]', ip, why)];
}

function validateExternalName(spec: JsonObject): Violation[] {
  const name = stringAt(spec, 'externalName').replace(/\.$/, '');
  if (name === '') return [required('spec.externalName')];
  const problem = nameProblem('subdomain', name);
  return problem === undefined ? [] : [invalid('spec.externalName', name, problem)];
}

function validatePorts(spec: JsonObject): Violation[] {
  const ports = objectsAt(spec, 'ports');
  const isHeadless = stringAt(spec, 'clusterIP') === 'None';
  if (ports.length === 0) {
    const isOptional = isHeadless || stringAt(spec, 'type') === 'ExternalName';
    return isOptional ? [] : [required('spec.ports')];
  }
  const names = new Set<string>();
  const numbers = new Set<string>();
  return ports.flatMap((port, index) => {
    const path = itemOf('spec.ports', index);
    const found = validatePort(port, path, ports.length > 1);
    const name = stringAt(port, 'name');
    if (name !== '' && names.has(name)) found.push(duplicate(fieldOf(path, 'name'), name));
    names.add(name);
    const { protocol, port: number } = port;
    const identity: Json = { protocol, port: number };
    const text = JSON.stringify(identity);
    if (numbers.has(text)) found.push(duplicate(path, identity));
    numbers.add(text);
    return found;
  });
}

function validatePort(port: JsonObject, path: string, needsName: boolean): Violation[] {
  const name = stringAt(port, 'name');
  const nameFault = name === '' ? undefined : nameProblem('label', name);
  const protocol = stringAt(port, 'protocol');
  const target = port['targetPort'];
  const targetPath = fieldOf(path, 'targetPort');
  return [
    ...(name === '' && needsName ? [required(fieldOf(path, 'name'))] : []),
    ...(nameFault === undefined ? [] : [invalid(fieldOf(path, 'name'), name, nameFault)]),
    ...validatePortNumber(numberAt(port, 'port') ?? 0, fieldOf(path, 'port')),
    ...(PROTOCOLS.includes(protocol)
      ? []
      : [notSupported(fieldOf(path, 'protocol'), protocol, PROTOCOLS)]),
    ...(typeof target === 'string'
      ? validatePortName(target, targetPath)
      : validatePortNumber(typeof target === 'number' ? target : 0, targetPath)),
  ];
}

function validateUpdate(next: KubeObject, previous: KubeObject): Violation[] {
  const [spec, before] = [objectAt(next, 'spec'), objectAt(previous, 'spec')];
  const isExternal = [spec, before].some((one) => stringAt(one, 'type') === 'ExternalName');
  const [ip, was] = [stringAt(spec, 'clusterIP'), stringAt(before, 'clusterIP')];
  if (isExternal || was === '' || ip === was || !isJsonObject(next['spec'])) return [];
  return [invalid('spec.clusterIPs[0]', ip, 'may not change once set')];
}
