// One kind of Istio's API: all that follows from its single source.
import { isKubeObject } from '#kube/objects.ts';
import type { KubeObject } from '#kube/objects.ts';
import { apiVersionOf } from '#kube/resources.ts';
import type { ResourceType } from '#kube/resources.ts';
import { KIND_DESCRIPTIONS } from './kind-descriptions.ts';
import { parseMeta, UNKNOWN_FIELD } from './object.ts';
import type { ParsedMeta, ParseResult, Violation } from './object.ts';
import { INVALID, Reading } from './schema/reading.ts';
import type { OpenApiSchema, Schema } from './schema/schema.ts';

export type PrinterColumn = {
  readonly name: string;
  readonly type: 'string' | 'integer' | 'number' | 'boolean' | 'date';
  readonly jsonPath: string;
};

export type Kind<Spec> = {
  /** The kind at the version that is stored. */
  readonly type: ResourceType;
  readonly singular: string;
  readonly shortNames: readonly string[];
  readonly categories: readonly string[];
  /** Every version that is served; all have the same schema. */
  readonly versions: readonly string[];
  readonly columns: readonly PrinterColumn[];
  readonly spec: Schema<Spec>;
  readonly isSpecRequired: boolean;
  readonly status: OpenApiSchema;
};

/** The API server's own fields besides spec and status. */
const OWN_FIELDS = new Set(['apiVersion', 'kind', 'metadata', 'spec', 'status']);

/** Only AuthorizationPolicy knows it; elsewhere Istio refuses the object. */
export const DRY_RUN = 'istio.io/dry-run';

/**
 * Reads an object of a kind by its schema, then by `refine`: what no schema can say. The latter
 * makes the value that the mesh uses, or notes what is wrong at the place it is given (the spec).
 */
export function parseObject<Spec, T>(
  kind: Kind<Spec>,
  object: KubeObject,
  refine: (spec: Spec, meta: ParsedMeta, at: Reading) => T | typeof INVALID,
): ParseResult<T> {
  const violations: Violation[] = [];
  const root = new Reading('', violations);
  const at = root.property('spec');
  const meta = parseMeta(object);
  refuseForeign(kind, object, root);
  const spec = readSpec(kind, object.spec, at);
  // An invalid spec is not worth refining: every rule would have to expect anything.
  const value = spec === INVALID ? INVALID : refine(spec, meta, at);
  return value === INVALID || violations.length > 0
    ? { ok: false, violations }
    : { ok: true, value };
}

function readSpec<Spec>(kind: Kind<Spec>, spec: unknown, at: Reading): Spec | typeof INVALID {
  const isAbsent = spec === undefined || spec === null;
  if (isAbsent && kind.isSpecRequired) return at.missing();
  return kind.spec.read(isAbsent ? {} : spec, at);
}

function refuseForeign(kind: Kind<unknown>, object: KubeObject, root: Reading): void {
  for (const name of Object.keys(object)) {
    if (!OWN_FIELDS.has(name)) root.property(name).refuse(UNKNOWN_FIELD);
  }
  if (kind.type.kind !== 'AuthorizationPolicy' && parseMeta(object).annotations[DRY_RUN]) {
    const place = root.property('metadata').property('annotations').key(DRY_RUN);
    place.refuse('Forbidden: only an AuthorizationPolicy can be tried dry');
  }
}

/**
 * Kubernetes keeps groups of its own project for definitions that it has approved; those that say
 * that they are not are let through. Ours are the part that is read here.
 * https://github.com/kubernetes/enhancements/tree/master/keps/sig-api-machinery/2337-k8s.io-group-protection
 */
const PROTECTED_GROUP = /(^|\.)(k8s|kubernetes)\.io$/;
const UNAPPROVED = { 'api-approved.kubernetes.io': 'unapproved, only the part that is read' };

/** The CustomResourceDefinition of a kind, ready to be created. */
export function customResourceDefinition(kind: Kind<unknown>): KubeObject {
  const { type, singular, shortNames, categories } = kind;
  const openAPIV3Schema = {
    type: 'object',
    description: KIND_DESCRIPTIONS.get(type.kind),
    properties: { spec: kind.spec.openapi, status: kind.status },
    ...(kind.isSpecRequired && { required: ['spec'] }),
  };
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: {
      name: `${type.plural}.${type.group}`,
      ...(PROTECTED_GROUP.test(type.group) && { annotations: UNAPPROVED }),
    },
    spec: {
      group: type.group,
      names: {
        kind: type.kind,
        listKind: `${type.kind}List`,
        plural: type.plural,
        singular,
        ...(shortNames.length > 0 && { shortNames }),
        categories,
      },
      scope: type.namespaced ? 'Namespaced' : 'Cluster',
      versions: kind.versions.map((version) => ({
        name: version,
        served: true,
        storage: version === type.version,
        ...(kind.columns.length > 0 && { additionalPrinterColumns: kind.columns }),
        schema: { openAPIV3Schema },
        subresources: { status: {} },
      })),
    },
  };
}

/** Is an object, by what it says of itself, of this kind at one of its versions? */
export function isOfKind(kind: Kind<unknown>, object: unknown): object is KubeObject {
  if (!isKubeObject(object) || object.kind !== kind.type.kind) return false;
  return kind.versions.some(
    (version) => object.apiVersion === apiVersionOf({ ...kind.type, version }),
  );
}
