// networking.istio.io ProxyConfig: the single source of the kind.
import { PROXY_CONFIG } from '#kube/resources.ts';
import type { Kind } from '../kind.ts';
import { istioStatus, workloadSelector } from '../kind-parts.ts';
import { object } from '../schema/object-schema.ts';
import { int32, map, nullable, string } from '../schema/schema.ts';
import type { Static } from '../schema/schema.ts';

export const proxyConfigSpec = object({
  selector: workloadSelector(),
  concurrency: nullable(int32({ min: 0 })),
  environmentVariables: map(string({ lengthMax: 2048 })),
  image: object({ imageType: string() }),
});

export type ProxyConfigSpec = Static<typeof proxyConfigSpec>;

export const proxyConfigKind: Kind<ProxyConfigSpec> = {
  type: PROXY_CONFIG,
  singular: 'proxyconfig',
  shortNames: [],
  categories: ['istio-io', 'networking-istio-io'],
  versions: ['v1beta1'],
  columns: [],
  spec: proxyConfigSpec,
  isSpecRequired: false,
  status: istioStatus(),
};
