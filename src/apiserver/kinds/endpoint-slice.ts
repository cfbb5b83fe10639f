// EndpointSlices: addresses of one family behind a Service.
import { isIP } from 'node:net';
import { fieldOf, itemOf } from '../field-path.ts';
import { nameProblem } from '../metadata-validation.ts';
import type { JsonObject, KubeObject } from '../object.ts';
import { listAt, numberAt, objectsAt, stringAt, withFallbacks } from '../object.ts';
import type { Violation } from '../violation.ts';
import { duplicate, invalid, notSupported, required, tooMany } from '../violation.ts';
import type { Behaviour } from './kind.ts';
import { validatePortNumber } from './port-rules.ts';

const ADDRESS_TYPES = ['FQDN', 'IPv4', 'IPv6'];
const PROTOCOLS = ['SCTP', 'TCP', 'UDP'];
const ENDPOINTS_MAX = 1000;
const PORTS_MAX = 100;
const ADDRESSES_MAX = 100;

export const ENDPOINT_SLICE: Behaviour = {
  defaults(draft) {
    if (draft['ports'] === undefined) return;
    draft['ports'] = objectsAt(draft, 'ports').map((port) => ({
      name: '',
      ...withFallbacks(port, { protocol: 'TCP' }),
    }));
  },
  validate,
  validateUpdate(next, previous) {
    if (next['addressType'] === previous['addressType']) return [];
    return [invalid('addressType', next['addressType'], 'field is immutable')];
  },
};

function validate(slice: KubeObject): Violation[] {
  const type = stringAt(slice, 'addressType');
  const endpoints = objectsAt(slice, 'endpoints');
  const ports = objectsAt(slice, 'ports');
  return [
    ...(type === '' ? [required('addressType')] : []),
    ...(type !== '' && !ADDRESS_TYPES.includes(type)
      ? [notSupported('addressType', type, ADDRESS_TYPES)]
      : []),
    ...(endpoints.length > ENDPOINTS_MAX
      ? [tooMany('endpoints', endpoints.length, ENDPOINTS_MAX)]
      : []),
    ...endpoints.flatMap((endpoint, index) =>
      validateAddresses(endpoint, itemOf('endpoints', index), type),
    ),
    ...(ports.length > PORTS_MAX ? [tooMany('ports', ports.length, PORTS_MAX)] : []),
    ...validatePorts(ports),
  ];
}

function validateAddresses(endpoint: JsonObject, path: string, type: string): Violation[] {
  const at = fieldOf(path, 'addresses');
  const addresses = listAt(endpoint, 'addresses').filter((one) => typeof one === 'string');
  if (addresses.length === 0) return [required(at, 'must contain at least 1 address')];
  if (addresses.length > ADDRESSES_MAX) return [tooMany(at, addresses.length, ADDRESSES_MAX)];
  return addresses.flatMap((address, index) => {
    const problem = addressProblem(address, type);
    return problem === undefined ? [] : [invalid(itemOf(at, index), address, problem)];
  });
}

function addressProblem(address: string, type: string): string | undefined {
  if (type === 'FQDN') return nameProblem('subdomain', address);
  const family = type === 'IPv6' ? 6 : 4;
  if (isIP(address) !== family) return `must be a valid IPv${family} address`;
  const isOwn = /^(?:127\.|169\.254\.|0\.0\.0\.0$|::1?$|fe[89ab])/i.test(address);
  return isOwn ? 'may not be an unspecified, loopback or link-local address' : undefined;
}

function validatePorts(ports: readonly JsonObject[]): Violation[] {
  const names = new Set<string>();
  return ports.flatMap((port, index) => {
    const path = itemOf('ports', index);
    const name = stringAt(port, 'name');
    const isTwice = names.has(name);
    names.add(name);
    const protocol = stringAt(port, 'protocol');
    const fault = name === '' ? undefined : nameProblem('label', name);
    const number = numberAt(port, 'port');
    return [
      ...(isTwice ? [duplicate(fieldOf(path, 'name'), name)] : []),
      ...(fault === undefined ? [] : [invalid(fieldOf(path, 'name'), name, fault)]),
      ...(PROTOCOLS.includes(protocol)
        ? []
        : [notSupported(fieldOf(path, 'protocol'), protocol, PROTOCOLS)]),
      ...(number === undefined ? [] : validatePortNumber(number, fieldOf(path, 'port'))),
    ];
  });
}
