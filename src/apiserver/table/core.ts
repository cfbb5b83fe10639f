// Columns of the core group's other kinds.
import type { JsonObject, KubeObject } from '../object.ts';
import { listAt, numberAt, objectAt, objectsAt, stringAt } from '../object.ts';
import { AGE, column, NAME, renderAge, renderLabels, renderSome, text, wide } from './column.ts';
import type { Column } from './column.ts';

const spec = (object: KubeObject): JsonObject => objectAt(object, 'spec');
const status = (object: KubeObject): JsonObject => objectAt(object, 'status');

function count(name: string, ...fields: readonly string[]): Column {
  const cell = (object: KubeObject) =>
    fields.reduce((sum, field) => sum + Object.keys(Object(object[field])).length, 0);
  return { ...column(name, cell), type: 'integer' };
}

export const CONFIG_MAP_COLUMNS: readonly Column[] = [
  NAME,
  count('Data', 'data', 'binaryData'),
  AGE,
];

export const SECRET_COLUMNS: readonly Column[] = [
  NAME,
  column('Type', (secret) => stringAt(secret, 'type')),
  count('Data', 'data'),
  AGE,
];

export const ACCOUNT_COLUMNS: readonly Column[] = [NAME, count('Secrets', 'secrets'), AGE];

export const NAMESPACE_COLUMNS: readonly Column[] = [
  NAME,
  column('Status', (object) => stringAt(status(object), 'phase')),
  AGE,
];

export const SERVICE_COLUMNS: readonly Column[] = [
  NAME,
  column('Type', (service) => stringAt(spec(service), 'type')),
  column('Cluster-IP', (service) => stringAt(spec(service), 'clusterIP') || '<none>'),
  column('External-IP', externalIp),
  column('Port(s)', (service) => renderPorts(objectsAt(spec(service), 'ports'))),
  AGE,
  wide('Selector', (service) => renderLabels(objectAt(spec(service), 'selector'))),
];

function externalIp(service: KubeObject): string {
  const chosen = listAt(spec(service), 'externalIPs').map((one) => text(one));
  switch (stringAt(spec(service), 'type')) {
    case 'ExternalName':
      return stringAt(spec(service), 'externalName');
    case 'LoadBalancer': {
      const given = objectsAt(objectAt(status(service), 'loadBalancer'), 'ingress').map(
        (ingress) => stringAt(ingress, 'ip') || stringAt(ingress, 'hostname'),
      );
      const all = [...given, ...chosen];
      return all.length === 0 ? '<pending>' : all.join(',');
    }
    default:
      return chosen.length === 0 ? '<none>' : chosen.join(',');
  }
}

function renderPorts(ports: readonly JsonObject[]): string {
  if (ports.length === 0) return '<none>';
  return ports
    .map((port) => {
      const node = numberAt(port, 'nodePort') ?? 0;
      const number = text(port['port']);
      return `${number}${node > 0 ? `:${node}` : ''}/${stringAt(port, 'protocol')}`;
    })
    .join(',');
}

const ENDPOINTS_SHOWN_MAX = 3;

export const ENDPOINTS_COLUMNS: readonly Column[] = [
  NAME,
  column('Endpoints', (endpoints) => {
    const all = objectsAt(endpoints, 'subsets').flatMap((subset) =>
      objectsAt(subset, 'addresses').flatMap((address) =>
        objectsAt(subset, 'ports').map(
          (port) => `${stringAt(address, 'ip')}:${text(port['port'])}`,
        ),
      ),
    );
    return renderSome(all, ENDPOINTS_SHOWN_MAX);
  }),
  AGE,
];

export const ENDPOINT_SLICE_COLUMNS: readonly Column[] = [
  NAME,
  column('AddressType', (slice) => stringAt(slice, 'addressType')),
  column('Ports', (slice) => {
    const ports = objectsAt(slice, 'ports').map((port) => text(port['port']));
    return ports.length === 0 ? '<unset>' : renderSome(ports, ENDPOINTS_SHOWN_MAX);
  }),
  column('Endpoints', (slice) => {
    const addresses = objectsAt(slice, 'endpoints').flatMap((one) =>
      listAt(one, 'addresses').map((address) => text(address)),
    );
    return addresses.length === 0 ? '<unset>' : renderSome(addresses, ENDPOINTS_SHOWN_MAX);
  }),
  AGE,
];

const ROLE_LABEL = 'node-role.kubernetes.io/';

export const NODE_COLUMNS: readonly Column[] = [
  NAME,
  column('Status', nodeStatus),
  column('Roles', nodeRoles),
  AGE,
  column('Version', (node) => nodeInfo(node, 'kubeletVersion')),
  wide('Internal-IP', (node) => nodeAddress(node, 'InternalIP')),
  wide('External-IP', (node) => nodeAddress(node, 'ExternalIP')),
  wide('OS-Image', (node) => nodeInfo(node, 'osImage') || '<unknown>'),
  wide('Kernel-Version', (node) => nodeInfo(node, 'kernelVersion') || '<unknown>'),
  wide('Container-Runtime', (node) => nodeInfo(node, 'containerRuntimeVersion') || '<unknown>'),
];

function nodeStatus(node: KubeObject): string {
  const ready = objectsAt(status(node), 'conditions').find((one) => one['type'] === 'Ready');
  const state = ready ? (ready['status'] === 'True' ? 'Ready' : 'NotReady') : 'Unknown';
  return spec(node)['unschedulable'] === true ? `${state},SchedulingDisabled` : state;
}

function nodeRoles({ metadata }: KubeObject): string {
  const roles = Object.keys(metadata.labels ?? {})
    .filter((label) => label.startsWith(ROLE_LABEL))
    .map((label) => label.slice(ROLE_LABEL.length));
  return roles.length === 0 ? '<none>' : roles.toSorted().join(',');
}

function nodeInfo(node: KubeObject, field: string): string {
  return stringAt(objectAt(status(node), 'nodeInfo'), field);
}

function nodeAddress(node: KubeObject, type: string): string {
  const found = objectsAt(status(node), 'addresses').find((one) => one['type'] === type);
  return found ? stringAt(found, 'address') : '<none>';
}

export const EVENT_COLUMNS: readonly Column[] = [
  column('Last Seen', (event, nowMs) => renderAge(lastSeen(event), nowMs)),
  column('Type', (event) => stringAt(event, 'type')),
  column('Reason', (event) => stringAt(event, 'reason')),
  column('Object', (event) => {
    const involved = objectAt(event, 'involvedObject');
    return `${stringAt(involved, 'kind').toLowerCase()}/${stringAt(involved, 'name')}`;
  }),
  wide('Subobject', (event) => stringAt(objectAt(event, 'involvedObject'), 'fieldPath')),
  wide('Source', eventSource),
  column('Message', (event) => stringAt(event, 'message').trim()),
  wide('First Seen', (event, nowMs) => renderAge(firstSeen(event), nowMs)),
  wide('Count', (event) => text(event['count'] ?? objectAt(event, 'series')['count'] ?? 1)),
  { ...wide('Name', ({ metadata }) => metadata.name), format: 'name' },
];

function lastSeen(event: KubeObject) {
  return (
    objectAt(event, 'series')['lastObservedTime'] ??
    event['lastTimestamp'] ??
    event['eventTime'] ??
    event.metadata.creationTimestamp
  );
}

function firstSeen(event: KubeObject) {
  return event['firstTimestamp'] ?? event['eventTime'] ?? event.metadata.creationTimestamp;
}

function eventSource(event: KubeObject): string {
  const source = objectAt(event, 'source');
  const component = stringAt(source, 'component') || stringAt(event, 'reportingComponent');
  const host = stringAt(source, 'host');
  return host === '' ? component : `${component}, ${host}`;
}
