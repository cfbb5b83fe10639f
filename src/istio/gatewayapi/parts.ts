// Pieces of the Gateway API's schemas that several of its kinds share.
//
// https://gateway-api.sigs.k8s.io/reference/spec/
import type { Kind } from '../kind.ts';
import { AGE } from '../kind-parts.ts';
import { object, openObject } from '../schema/object-schema.ts';
import { integer, list, map, string, word } from '../schema/schema.ts';
import type { Schema } from '../schema/schema.ts';

export const GROUP = 'gateway.networking.k8s.io';

/** RFC 1123 subdomain, in lower case. */
export const SUBDOMAIN = '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*';
const LABEL = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;

export const portNumber = () => integer({ min: 1, max: 65_535 });

/** Empty for the core group. */
export const group = () => string({ lengthMax: 253, pattern: new RegExp(`^$|^${SUBDOMAIN}$`) });

export const kindName = () =>
  string({ lengthMin: 1, lengthMax: 63, pattern: /^[a-zA-Z]([-a-zA-Z0-9]*[a-zA-Z0-9])?$/ });

export const objectName = () => string({ lengthMin: 1, lengthMax: 253 });
export const namespaceName = () => string({ lengthMin: 1, lengthMax: 63, pattern: LABEL });

export const sectionName = () =>
  string({ lengthMin: 1, lengthMax: 253, pattern: new RegExp(`^${SUBDOMAIN}$`) });

/** May begin with `*.`. */
export const hostname = () =>
  string({ lengthMin: 1, lengthMax: 253, pattern: new RegExp(`^(\\*\\.)?${SUBDOMAIN}$`) });

export const exactHostname = () =>
  string({ lengthMin: 1, lengthMax: 253, pattern: new RegExp(`^${SUBDOMAIN}$`) });

/** In the namespace of whoever refers to it. */
export const localRef = () =>
  object(
    { group: group(), kind: kindName(), name: objectName() },
    { required: ['group', 'kind', 'name'] },
  );

/** A Secret, unless it says otherwise. */
export const secretRef = () =>
  object(
    { group: group(), kind: kindName(), name: objectName(), namespace: namespaceName() },
    { required: ['name'] },
  );

/** All but the name must be said. */
export const objectRef = () =>
  object(
    { group: group(), kind: kindName(), name: objectName(), namespace: namespaceName() },
    { required: ['group', 'kind', 'name'] },
  );

export const parentRefs = () =>
  list(
    object(
      {
        group: group(),
        kind: kindName(),
        namespace: namespaceName(),
        name: objectName(),
        sectionName: sectionName(),
        port: portNumber(),
      },
      { required: ['name'] },
    ),
    { itemsMax: 32 },
  );

export const backendFields = () => ({
  group: group(),
  kind: kindName(),
  name: objectName(),
  namespace: namespaceName(),
  port: portNumber(),
});

type Backend = {
  readonly group?: string | undefined;
  readonly kind?: string | undefined;
  readonly port?: number | undefined;
};

/** A Service has ports, and one of them must be meant. */
export const SERVICE_HAS_PORT = {
  cel:
    "(size(has(self.group) ? self.group : '') == 0 && " +
    "(has(self.kind) ? self.kind : 'Service') == 'Service') ? has(self.port) : true",
  message: 'Must have port for Service reference',
  holds: ({ group = '', kind = 'Service', port }: Backend) =>
    group !== '' || kind !== 'Service' || port !== undefined,
};

export const weight = () => integer({ min: 0, max: 1_000_000 });

export const backendRefs = (limits: { readonly itemsMin?: number } = {}) =>
  list(
    object(
      { ...backendFields(), weight: weight() },
      { required: ['name'], rules: [SERVICE_HAS_PORT] },
    ),
    { itemsMax: 16, ...limits },
  );

/** metav1.LabelSelector. */
export const labelSelector = () =>
  object({
    matchLabels: map(string()),
    matchExpressions: list(
      object(
        { key: string(), operator: string(), values: list(string()) },
        { required: ['key', 'operator'] },
      ),
    ),
  });

export const namespaces = (words: readonly string[]) =>
  object({ from: word(words), selector: labelSelector() });

/** A kind of the group. What its status says is its controller's affair. */
export function gatewayApiKind<Spec>(its: {
  readonly kind: string;
  readonly plural: string;
  readonly versions: readonly string[];
  readonly spec: Schema<Spec>;
  readonly shortNames?: readonly string[];
  readonly isClusterWide?: true;
}): Kind<Spec> {
  const [version = 'v1'] = its.versions;
  const { kind, plural, versions, spec, shortNames = [], isClusterWide } = its;
  return {
    type: { group: GROUP, version, plural, kind, namespaced: isClusterWide !== true },
    singular: kind.toLowerCase(),
    shortNames,
    categories: ['gateway-api'],
    versions,
    columns: [AGE],
    spec,
    isSpecRequired: true,
    status: openObject({}),
  };
}
