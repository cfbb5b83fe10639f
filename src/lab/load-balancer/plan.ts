// What the lab's cloud does for Services of type LoadBalancer: an address of its own for each, and
// where connections to it go. Pure.
import { fieldsOf, numberAt, objectsAt, textAt, textsAt, type Fields } from '#kube/fields.ts';
import { objectKey, type KubeObject } from '#kube/objects.ts';

/** TEST-NET-3 of RFC 5737: nobody's, so whoever dials it inside the lab means the lab. */
export const LOAD_BALANCER_CIDR = '203.0.113.0/24';
const NETWORK = '203.0.113.';
/** The lower ones look like routers. */
const HOST_FIRST = 10;
const HOST_LAST = 250;

export type Backend = { readonly address: string; readonly port: number };

export type Frontend = {
  readonly address: string;
  readonly port: number;
  /** At least one. */
  readonly backends: readonly Backend[];
};

export type Balancing = {
  readonly frontends: readonly Frontend[];
  /** Services whose status does not say their address yet. */
  readonly announcements: readonly { readonly service: KubeObject; readonly address: string }[];
};

/** A Service keeps the address that its status names; the oldest without one is given one first. */
export function planBalancing(
  services: readonly KubeObject[],
  slices: readonly KubeObject[],
): Balancing {
  const balanced = services.filter(isBalanced).toSorted(byAge);
  const taken = new Set(balanced.flatMap((service) => addressOf(service) ?? []));
  const frontends: Frontend[] = [];
  const announcements: { service: KubeObject; address: string }[] = [];
  for (const service of balanced) {
    const address = addressOf(service) ?? freeAddress(taken);
    if (address === undefined) break; // as a cloud without addresses: the Service stays pending
    taken.add(address);
    if (addressOf(service) === undefined) announcements.push({ service, address });
    frontends.push(...frontendsOf(service, address, slices));
  }
  return { frontends, announcements };
}

/** A class of its own means somebody else's. */
function isBalanced({ spec }: KubeObject): boolean {
  const { type, loadBalancerClass } = fieldsOf(spec);
  return type === 'LoadBalancer' && loadBalancerClass === undefined;
}

function byAge(a: KubeObject, b: KubeObject): number {
  const ageOf = ({ metadata }: KubeObject): string =>
    `${metadata.creationTimestamp ?? ''} ${objectKey(metadata)}`;
  return ageOf(a) < ageOf(b) ? -1 : 1;
}

/** Only an address of the lab's: another one was written by somebody else. */
function addressOf({ status }: KubeObject): string | undefined {
  const [ingress = {}] = objectsAt(fieldsOf(status, 'loadBalancer'), 'ingress');
  const ip = textAt(ingress, 'ip');
  return ip.startsWith(NETWORK) ? ip : undefined;
}

function freeAddress(taken: ReadonlySet<string>): string | undefined {
  for (let host = HOST_FIRST; host <= HOST_LAST; host += 1) {
    if (!taken.has(`${NETWORK}${host}`)) return `${NETWORK}${host}`;
  }
  return undefined;
}

/** A port behind which nobody is ready has no frontend: connections to it are refused. */
export function frontendsOf(
  { metadata, spec }: KubeObject,
  address: string,
  slices: readonly KubeObject[],
): readonly Frontend[] {
  const own = slices.filter(
    (slice) =>
      slice.metadata.namespace === metadata.namespace &&
      slice.metadata.labels?.['kubernetes.io/service-name'] === metadata.name &&
      fieldsOf(slice)['addressType'] === 'IPv4',
  );
  return objectsAt(fieldsOf(spec), 'ports').flatMap((port) => {
    const number = numberAt(port, 'port');
    if (number === undefined || !isTcp(port)) return [];
    const backends = own.flatMap((slice) => backendsOf(slice, textAt(port, 'name')));
    return backends.length === 0 ? [] : [{ address, port: number, backends }];
  });
}

const isTcp = (port: Fields): boolean => (textAt(port, 'protocol') || 'TCP') === 'TCP';

function backendsOf(slice: KubeObject, portName: string): readonly Backend[] {
  const named = objectsAt(slice, 'ports').find((port) => textAt(port, 'name') === portName);
  const port = named && isTcp(named) ? numberAt(named, 'port') : undefined;
  if (port === undefined) return [];
  return objectsAt(slice, 'endpoints')
    .filter((endpoint) => fieldsOf(endpoint, 'conditions')['ready'] !== false)
    .flatMap((endpoint) => textsAt(endpoint, 'addresses'))
    .map((address) => ({ address, port }));
}

/**
 * The whole of it as one nftables transaction, which replaces the one before.
 *
 * @param hairpin range whose own connections come back to it, and would get their answers past the
 *   router: to them, and to nobody else, the router speaks for itself
 */
export function renderBalancing(frontends: readonly Frontend[], hairpin: string): string {
  return [
    'table ip load_balancer',
    'delete table ip load_balancer',
    'table ip load_balancer {',
    '  chain prerouting {',
    '    type nat hook prerouting priority dstnat;',
    ...frontends.map((frontend) => `    ${renderFrontend(frontend)}`),
    '  }',
    '  chain postrouting {',
    '    type nat hook postrouting priority srcnat;',
    `    ip saddr ${hairpin} ct status dnat masquerade`,
    '  }',
    '}',
    '',
  ].join('\n');
}

/** In turn, connection by connection. */
export function renderFrontend({ address, port, backends }: Frontend): string {
  const turns = backends.map((backend, index) => `${index} : ${backend.address} . ${backend.port}`);
  const choice = `numgen inc mod ${backends.length} map { ${turns.join(', ')} }`;
  return `ip daddr ${address} tcp dport ${port} dnat to ${choice}`;
}
