// Who is behind an endpoint or a cluster, in words for telemetry: metadata under the key `istio`,
// which Envoy hands on to the access log and ignores otherwise.
import type { JsonObject } from '@bufbuild/protobuf';
import { SERVICE_TAG } from '#base/access-log-tags.ts';
import type { MeshService } from '#model/service.ts';

export const ISTIO_METADATA = 'istio';

/** Of an endpoint. `namespace` is the workload's. */
export const WORKLOAD_FIELDS = [
  'workload',
  'workload_kind',
  'workload_namespace',
  'workload_app',
  'workload_version',
] as const;

/** Of a cluster, beside Istio's own list `services`, which a log tag cannot look into. */
export const SERVICE_FIELDS = [SERVICE_TAG, 'service_port'] as const;

export type WorkloadMetadata = {
  readonly kind: string;
  readonly name: string;
  readonly namespace: string;
  readonly labels: Readonly<Record<string, string>>;
};

export type ServiceMetadata = {
  readonly host: string;
  readonly name: string;
  readonly namespace: string;
};

/** As Istio names a service in telemetry: the Service's name, or a ServiceEntry's host. */
export function serviceNames({ host, namespace, kubeService }: MeshService): ServiceMetadata {
  return { host, namespace, name: kubeService?.split('/')[1] ?? host };
}

/** Of a Pod its controller's name, which injection writes on it; else the object's own. */
export const workloadName = ({ name, labels }: Pick<WorkloadMetadata, 'name' | 'labels'>): string =>
  labels['service.istio.io/workload-name'] ?? name;

/** Fields without a value are left out. */
export function workloadMetadata(workload: WorkloadMetadata): JsonObject {
  const { kind, namespace, labels } = workload;
  const app = labels['service.istio.io/canonical-name'] ?? labels['app'];
  const version = labels['service.istio.io/canonical-revision'] ?? labels['version'];
  return {
    workload: workloadName(workload),
    workload_kind: kind,
    workload_namespace: namespace,
    ...(app !== undefined && { workload_app: app }),
    ...(version !== undefined && { workload_version: version }),
  } satisfies Partial<Record<(typeof WORKLOAD_FIELDS)[number], string>>;
}

export function serviceMetadata(service: ServiceMetadata & { readonly port: number }): JsonObject {
  const { host, name, namespace, port } = service;
  return {
    services: [{ host, name, namespace }],
    [SERVICE_TAG]: [host, name, namespace].join('|'),
    service_port: String(port),
  } satisfies Record<(typeof SERVICE_FIELDS)[number] | 'services', JsonObject[string]>;
}
