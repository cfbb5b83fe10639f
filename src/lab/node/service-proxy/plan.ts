// What kube-proxy is for, as data: where connections to cluster IPs go. Pure. TCP and IPv4 only, as
// the rest of the lab's network.
import { fieldsOf, textAt } from '#kube/fields.ts';
import type { KubeObject } from '#kube/objects.ts';
import { type Frontend, frontendsOf, renderFrontend } from '../../load-balancer/plan.ts';

export type ServiceRoutes = {
  readonly frontends: readonly Frontend[];
  /** All cluster IPs, those without a ready endpoint too. */
  readonly addresses: readonly string[];
};

const IPV4 = /^\d+\.\d+\.\d+\.\d+$/;

export function planServices(
  services: readonly KubeObject[],
  slices: readonly KubeObject[],
): ServiceRoutes {
  const routed = services.flatMap((service) => {
    const address = textAt(fieldsOf(service.spec), 'clusterIP');
    return IPV4.test(address) ? [{ service, address }] : []; // neither headless nor ExternalName
  });
  return {
    addresses: routed.map(({ address }) => address).toSorted(compareTexts),
    frontends: routed.flatMap(({ service, address }) => frontendsOf(service, address, slices)),
  };
}

const compareTexts = (a: string, b: string): number => (a < b ? -1 : Number(a > b));

const TABLE = 'cluster_ips';

/** Takes the routes away, whether or not there are some. */
export const NO_SERVICES = `table ip ${TABLE}\ndelete table ip ${TABLE}\n`;

/**
 * The whole of it as one nftables transaction, which replaces the one before. Connections under way
 * stay with the endpoint they have: the kernel's connection tracking knows it.
 */
export function renderServices({ frontends, addresses }: ServiceRoutes): string {
  const endpoints = frontends.flatMap(({ backends }) => backends.map(({ address }) => address));
  // Whoever dials a Service and is led to itself must hear the answer from the router, or would
  // take it for somebody else's. All others are seen by their own address.
  const selves = [...new Set(endpoints)].map((address) => `${address} . ${address}`);
  return [
    `${NO_SERVICES}table ip ${TABLE} {`,
    '  chain prerouting {',
    '    type nat hook prerouting priority dstnat;',
    ...frontends.map((frontend) => `    ${renderFrontend(frontend)}`),
    '  }',
    '  chain forward {',
    '    type filter hook forward priority filter;',
    // Nobody is ready, or it is no port of the Service: refused at once, not left to time out.
    ...(addresses.length > 0 ? [`    ip daddr { ${addresses.join(', ')} } reject`] : []),
    '  }',
    '  chain postrouting {',
    '    type nat hook postrouting priority srcnat;',
    ...(selves.length > 0
      ? [`    ct status dnat ip saddr . ip daddr { ${selves.join(', ')} } masquerade`]
      : []),
    '  }',
    '}',
    '',
  ].join('\n');
}
