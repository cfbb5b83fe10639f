// authentication.istio.io MeshPolicy and Policy, which PeerAuthentication followed in Istio 1.5:
// the single source of both kinds. Istio never had a schema for them, so this one is of its
// protobuf messages (istio/api 1.4, authentication/v1alpha1/policy.proto).
import { MESH_POLICY, POLICY } from '#kube/resources.ts';
import type { Kind } from '../kind.ts';
import { AGE, istioStatus, strings, uint32 } from '../kind-parts.ts';
import { object } from '../schema/object-schema.ts';
import { boolean, list, map, string, word } from '../schema/schema.ts';
import type { Static } from '../schema/schema.ts';

const mutualTls = object({ allowTls: boolean(), mode: word(['STRICT', 'PERMISSIVE']) });

const stringMatch = object(
  { exact: string(), prefix: string(), suffix: string(), regex: string() },
  { oneOf: ['exact', 'prefix', 'suffix', 'regex'] },
);

const jwt = object({
  issuer: string(),
  audiences: strings(),
  jwksUri: string(),
  jwks: string(),
  jwtHeaders: strings(),
  jwtParams: strings(),
  triggerRules: list(
    object({ excludedPaths: list(stringMatch), includedPaths: list(stringMatch) }),
  ),
});

const target = object(
  {
    name: string({ lengthMin: 1 }),
    labels: map(string()),
    ports: list(object({ number: uint32(), name: string() }, { oneOf: ['number', 'name'] })),
  },
  { required: ['name'] },
);

export const legacyPolicySpec = object({
  targets: list(target, { itemsMax: 256 }),
  peers: list(object({ mtls: mutualTls, jwt }, { oneOf: ['mtls', 'jwt'] })),
  peerIsOptional: boolean(),
  origins: list(object({ jwt })),
  originIsOptional: boolean(),
  principalBinding: word(['USE_PEER', 'USE_ORIGIN']),
});

export type LegacyPolicySpec = Static<typeof legacyPolicySpec>;

const both = {
  shortNames: [],
  categories: ['istio-io', 'authentication-istio-io'],
  versions: ['v1alpha1'],
  columns: [AGE],
  spec: legacyPolicySpec,
  isSpecRequired: false,
  status: istioStatus(),
};

export const meshPolicyKind: Kind<LegacyPolicySpec> = {
  ...both,
  type: MESH_POLICY,
  singular: 'meshpolicy',
};

export const policyKind: Kind<LegacyPolicySpec> = { ...both, type: POLICY, singular: 'policy' };
