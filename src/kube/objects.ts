// Kubernetes objects as every client sees them: metadata that means the same for each kind, and
// the rest, which the reader of that kind parses.

export type OwnerReference = {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly uid: string;
  readonly controller?: boolean;
  readonly blockOwnerDeletion?: boolean;
};

/** https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/object-meta/ */
export type ObjectMeta = {
  readonly name: string;
  /** What the name was made from, when it was. */
  readonly generateName?: string;
  /** Absent on objects of cluster-wide kinds. */
  readonly namespace?: string;
  readonly uid?: string;
  /** Opaque: equal means same, anything else only that it differs. */
  readonly resourceVersion?: string;
  readonly generation?: number;
  /** RFC 3339, whole seconds. */
  readonly creationTimestamp?: string;
  readonly deletionTimestamp?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly ownerReferences?: readonly OwnerReference[];
  readonly finalizers?: readonly string[];
};

export type KubeObject = {
  /** Absent, as is `kind`, on items of lists of built-in kinds. */
  readonly apiVersion?: string;
  readonly kind?: string;
  readonly metadata: ObjectMeta;
  readonly spec?: unknown;
  readonly status?: unknown;
  readonly [field: string]: unknown;
};

/** Names one object of a kind. `namespace` is absent for cluster-wide kinds. */
export type ObjectRef = { readonly namespace?: string | undefined; readonly name: string };

/** `namespace/name`, or `name` alone for a cluster-wide object: the key of an object in its kind. */
export function objectKey({ namespace, name }: ObjectRef): string {
  return namespace ? `${namespace}/${name}` : name;
}

/**
 * Is a value from the wire an object with a name to be known by? Only what clients rely on for
 * every kind is checked; the reader of the kind checks the rest.
 */
export function isKubeObject(value: unknown): value is KubeObject {
  if (!isRecord(value) || !isRecord(value['metadata'])) return false;
  const { name, namespace, resourceVersion, labels, annotations } = value['metadata'];
  return (
    typeof name === 'string' &&
    name !== '' &&
    [namespace, resourceVersion].every((it) => it === undefined || typeof it === 'string') &&
    [labels, annotations].every((it) => it === undefined || isRecord(it))
  );
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
