// Whom proxies themselves speak to: the services that MeshConfig's extension providers name, and
// the clusters that lead there. Nothing that a workload does asks for these, so they are listed.
import { canonicalIp } from '#base/ip.ts';
import type { MeshConfig } from '#istio/meshconfig/mesh-config.ts';
import type { Mesh } from '#model/mesh.ts';
import type { MeshService } from '#model/service.ts';
import type { HostLookup } from './host-lookup.ts';
import { collectorName, outboundName } from './names.ts';

export type ServiceLookup = {
  readonly mesh: Pick<Mesh, 'services' | 'fullHost'>;
  readonly serviceOf: HostLookup;
  /** Whose proxies ask. */
  readonly namespace: string;
};

/** `namespace/host`, or a host as the workload's own namespace knows it. */
export function providerService(
  written: string,
  { mesh, serviceOf, namespace }: ServiceLookup,
): MeshService | undefined {
  if (written.includes('/')) return mesh.services.get(written);
  return serviceOf(namespace, mesh.fullHost(written, namespace));
}

/** A service's port, or an address, as a cluster. */
export type CollectorRef = { readonly host: string; readonly cluster: string };

/** undefined: there is no such service, or it has no such port. */
export function collectorOf(
  to: { readonly service: string; readonly port: number; readonly protocol: 'grpc' | 'http' },
  lookup: ServiceLookup,
): CollectorRef | undefined {
  const { service: written, port, protocol } = to;
  const address = canonicalIp(written);
  if (address !== undefined) {
    return { host: written, cluster: collectorName({ address, port, protocol }) };
  }
  const service = providerService(written, lookup);
  if (!service?.ports.some(({ number }) => number === port)) return undefined;
  const { host } = service;
  return { host, cluster: outboundName({ host, port }) };
}

/** Does a provider name this? What proxies tell is no matter of what their workloads may see. */
export function isProviderPort(
  { extensionProviders }: Pick<MeshConfig, 'extensionProviders'>,
  asked: { readonly host: string; readonly port: number },
  fullHost: (host: string) => string,
): boolean {
  return extensionProviders.some((provider) => {
    const to = addresseeOf(provider);
    if (to?.port !== asked.port) return false;
    const host = to.service.split('/')[1] ?? fullHost(to.service);
    return host === asked.host;
  });
}

function addresseeOf(
  provider: MeshConfig['extensionProviders'][number],
): { readonly service: string; readonly port: number } | undefined {
  switch (provider.kind) {
    case 'authorizer':
      return provider.authorizer;
    case 'otlp-log':
      return provider.log;
    case 'tracer':
      return provider.tracer;
    default:
      return undefined;
  }
}
