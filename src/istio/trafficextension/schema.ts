// extensions.istio.io TrafficExtension: the single source of the kind.
import { TRAFFIC_EXTENSION } from '#kube/resources.ts';
import type { Kind } from '../kind.ts';
import { AGE, istioStatus, workloadSelector } from '../kind-parts.ts';
import { ONE_SELECTION, targetRef } from '../policy-target.ts';
import { object } from '../schema/object-schema.ts';
import { int32, list, nullable, string, word } from '../schema/schema.ts';
import type { Static } from '../schema/schema.ts';
import { trafficMatch, wasmFields } from '../wasmplugin/schema.ts';

export const trafficExtensionSpec = object(
  {
    selector: workloadSelector(),
    targetRefs: list(targetRef, { itemsMax: 16 }),
    phase: word(['UNSPECIFIED', 'AUTHN', 'AUTHZ', 'STATS']),
    priority: nullable(int32()),
    match: trafficMatch(),
    wasm: object(wasmFields('"", "http", "https", "file", "oci"'), { required: ['url'] }),
    lua: object(
      { inlineCode: string({ lengthMin: 1, lengthMax: 65_536 }) },
      { required: ['inlineCode'] },
    ),
  },
  {
    oneOf: ['wasm', 'lua'],
    rules: [
      ONE_SELECTION,
      {
        cel: 'has(self.wasm) != has(self.lua)',
        message: 'exactly one of wasm or lua must be set',
        holds: ({ wasm, lua }) => (wasm === undefined) !== (lua === undefined),
      },
    ],
  },
);

export type TrafficExtensionSpec = Static<typeof trafficExtensionSpec>;

export const trafficExtensionKind: Kind<TrafficExtensionSpec> = {
  type: TRAFFIC_EXTENSION,
  singular: 'trafficextension',
  shortNames: [],
  categories: ['istio-io', 'extensions-istio-io'],
  versions: ['v1alpha1'],
  columns: [AGE],
  spec: trafficExtensionSpec,
  isSpecRequired: true,
  status: istioStatus(),
};
