// networking.istio.io WorkloadGroup: the single source of the kind.
import { WORKLOAD_GROUP } from '#kube/resources.ts';
import type { Kind } from '../kind.ts';
import { AGE, istioStatus, port } from '../kind-parts.ts';
import { object } from '../schema/object-schema.ts';
import { int32, list, map, string } from '../schema/schema.ts';
import type { Static } from '../schema/schema.ts';
import { workloadTemplate } from '../workloadentry/schema.ts';

const count = () => int32({ min: 0 });
const texts = () => map(string(), { keysMax: 256 });

const scheme = string({
  rules: [
    {
      cel: 'self in ["", "HTTP", "HTTPS"]',
      message: 'scheme must be one of [HTTP, HTTPS]',
      holds: (self) => ['', 'HTTP', 'HTTPS'].includes(self),
    },
  ],
});

const header = object({ name: string({ pattern: /^[-_A-Za-z0-9]+$/ }), value: string() });

const probe = object(
  {
    initialDelaySeconds: count(),
    timeoutSeconds: count(),
    periodSeconds: count(),
    successThreshold: count(),
    failureThreshold: count(),
    httpGet: object(
      { path: string(), port: port(), host: string(), scheme, httpHeaders: list(header) },
      { required: ['port'] },
    ),
    tcpSocket: object({ host: string(), port: port() }, { required: ['port'] }),
    exec: object({ command: list(string({ lengthMin: 1 })) }, { required: ['command'] }),
    grpc: object({ port: port(), service: string() }),
  },
  { oneOf: ['httpGet', 'tcpSocket', 'exec', 'grpc'] },
);

export const workloadGroupSpec = object(
  {
    metadata: object({ labels: texts(), annotations: texts() }),
    template: workloadTemplate,
    probe,
  },
  { required: ['template'] },
);

export type WorkloadGroupSpec = Static<typeof workloadGroupSpec>;

export const workloadGroupKind: Kind<WorkloadGroupSpec> = {
  type: WORKLOAD_GROUP,
  singular: 'workloadgroup',
  shortNames: ['wg'],
  categories: ['istio-io', 'networking-istio-io'],
  versions: ['v1', 'v1alpha3', 'v1beta1'],
  columns: [AGE],
  spec: workloadGroupSpec,
  isSpecRequired: true,
  status: istioStatus(),
};
