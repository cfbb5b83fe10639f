// What must be done so that a registration is there, or is gone: decided from what is there now.
// Pure; `carry-out.ts` does it.
import { isRecord, type KubeObject } from '#kube/objects.ts';
import {
  SERVICE_ACCOUNT,
  SERVICE_ENTRY,
  WORKLOAD_ENTRY,
  resourceName,
  type ResourceType,
} from '#kube/resources.ts';
import {
  hostOf,
  OPTIONAL_KINDS,
  REGISTERED_BY,
  registrationObjects,
  SHARED_KINDS,
  type Manifest,
} from './objects.ts';
import type { Registration } from './request.ts';

/** Somebody who has an IP address. */
export type Holder = {
  readonly kind: 'Pod' | 'Service' | 'Node' | 'WorkloadEntry';
  /** Empty for a Node. */
  readonly namespace: string;
  readonly name: string;
  /** The registration that made it, if one did. */
  readonly registeredBy: string | undefined;
};

/** What the API has of the registration's names and its address. */
export type Present = {
  /** Kinds that the API server does not know. */
  readonly unknownKinds: ReadonlySet<ResourceType>;
  /**
   * What the registration has made, what stands where it would make something, and of the namespace
   * all ServiceEntries and WorkloadEntries.
   */
  readonly objects: readonly Manifest[];
  readonly holders: readonly Holder[];
};

export type Action =
  | { readonly verb: 'create'; readonly type: ResourceType; readonly object: KubeObject }
  | {
      readonly verb: 'change';
      readonly type: ResourceType;
      readonly object: KubeObject;
      /** Merge patch; refused when the object has changed since. */
      readonly patch: Readonly<Record<string, unknown>>;
    }
  | { readonly verb: 'remove'; readonly type: ResourceType; readonly object: KubeObject }
  | {
      readonly verb: 'keep';
      readonly type: ResourceType;
      readonly name: string;
      readonly why: string;
    };

export type Plan =
  | { readonly ok: true; readonly actions: readonly Action[] }
  | { readonly ok: false; readonly problem: string; readonly remedy: string };

/** Idempotent: what is there as it shall be is kept. */
export function planRegistration(registration: Registration, present: Present): Plan {
  const refusal = nameTaken(registration, present) ?? addressTaken(registration, present);
  if (refusal) return { ok: false, ...refusal };
  const wanted = registrationObjects(registration);
  return { ok: true, actions: wanted.map((manifest) => planObject(manifest, present)) };
}

function planObject({ type, object }: Manifest, present: Present): Action {
  const { name } = object.metadata;
  if (present.unknownKinds.has(type)) {
    return { verb: 'keep', type, name, why: 'skipped: the API server does not know the kind' };
  }
  const found = findObject(present, type, name);
  if (found === undefined) return { verb: 'create', type, object };
  // An account that was there before serves as it is: it is not ours to change, or to remove.
  if (type === SERVICE_ACCOUNT && registeredBy(found) === undefined) {
    return { verb: 'keep', type, name, why: 'unchanged: it was there before' };
  }
  const patch = mergePatch(object, found);
  if (patch === undefined) return { verb: 'keep', type, name, why: 'unchanged' };
  return { verb: 'change', type, object: found, patch };
}

const findObject = (
  { objects }: Present,
  type: ResourceType,
  name: string,
): KubeObject | undefined =>
  objects.find((it) => it.type === type && it.object.metadata.name === name)?.object;

type Refusal = { readonly problem: string; readonly remedy: string };

function nameTaken(registration: Registration, present: Present): Refusal | undefined {
  const { name, namespace } = registration;
  for (const { type, object } of registrationObjects(registration)) {
    const found = findObject(present, type, object.metadata.name);
    if (found === undefined || type === SERVICE_ACCOUNT || registeredBy(found) === name) continue;
    return {
      problem:
        `${type.kind} ${namespace}/${found.metadata.name} is there already, ` +
        'and not from isthmus register',
      remedy: `choose another name, or delete it first: ${deleteCommand(type, found)}`,
    };
  }
  const host = hostOf(registration);
  const claim = objectsOf(present, SERVICE_ENTRY).find(
    (entry) => registeredBy(entry) !== name && hostsOf(entry).includes(host),
  );
  if (claim === undefined) return undefined;
  return {
    problem: `ServiceEntry ${namespace}/${claim.metadata.name} has the host ${host}`,
    remedy: 'choose another name, or take the host out of that ServiceEntry',
  };
}

function addressTaken({ name, namespace, address }: Registration, { holders }: Present) {
  const taken = holders.find(
    (holder) => !(holder.registeredBy === name && holder.namespace === namespace),
  );
  if (taken === undefined) return undefined;
  const who = `${taken.kind} ${taken.namespace && `${taken.namespace}/`}${taken.name}`;
  const { registeredBy: other } = taken;
  const remedy =
    other === undefined
      ? 'give the address of the machine that is to be registered'
      : `a machine is one workload: register all its ports under ${other}, or first run ` +
        `"isthmus deregister ${other} ${address} -n ${taken.namespace}"`;
  return { problem: `the address ${address} is taken by ${who}`, remedy };
}

const hostsOf = ({ spec }: KubeObject): readonly unknown[] =>
  isRecord(spec) && Array.isArray(spec['hosts']) ? spec['hosts'] : [];

export const registeredBy = ({ metadata }: KubeObject): string | undefined =>
  metadata.labels?.[REGISTERED_BY];

const objectsOf = ({ objects }: Present, type: ResourceType): readonly KubeObject[] =>
  objects.filter((it) => it.type === type).map(({ object }) => object);

const deleteCommand = (type: ResourceType, { metadata }: KubeObject): string =>
  `kubectl delete ${resourceName(type)} ${metadata.name} -n ${metadata.namespace ?? ''}`;

export type Deregistration = {
  readonly name: string;
  readonly namespace: string;
  /** undefined: every address that is registered under the name. */
  readonly address: string | undefined;
};

/**
 * Takes away what `register` made, and nothing else. What several addresses share stays while one
 * of them is left.
 */
export function planDeregistration(wanted: Deregistration, present: Present): readonly Action[] {
  const { name, address } = wanted;
  const ours = present.objects.filter(({ object }) => registeredBy(object) === name);
  const entries = ours.filter(({ type }) => type === WORKLOAD_ENTRY);
  const leaving = entries.filter(
    ({ object: { spec } }) =>
      address === undefined || (isRecord(spec) && spec['address'] === address),
  );
  if (entries.length > 0 && leaving.length === 0) return [];
  const isLast = leaving.length === entries.length;
  const shared = SHARED_KINDS.toReversed().flatMap((kind) =>
    ours.filter(({ type }) => type === kind),
  );
  return [
    ...leaving.map(({ type, object }): Action => ({ verb: 'remove', type, object })),
    ...shared.map(({ type, object }): Action => {
      if (isLast) return { verb: 'remove', type, object };
      return { verb: 'keep', type, name: object.metadata.name, why: 'stays for other addresses' };
    }),
  ];
}

/** Maps whose every key is ours: one that we no longer want goes. */
const OWN_MAPS = new Set(['labels', 'ports']);

/**
 * The merge patch (RFC 7386) that makes an object as it is wanted, or undefined when it is. What
 * others have added beside it stays; the version makes the API server refuse a late patch.
 */
function mergePatch(
  wanted: KubeObject,
  found: KubeObject,
): Readonly<Record<string, unknown>> | undefined {
  const labels = difference(wanted.metadata.labels, found.metadata.labels ?? {});
  const spec = difference(wanted.spec, found.spec ?? {});
  if (labels === undefined && spec === undefined) return undefined;
  const { resourceVersion } = found.metadata;
  return {
    metadata: {
      ...(resourceVersion !== undefined && { resourceVersion }),
      ...(labels !== undefined && { labels }),
    },
    ...(spec !== undefined && { spec }),
  };
}

function difference(wanted: unknown, found: unknown, key = ''): unknown {
  if (!isRecord(wanted)) return isContained(wanted, found) ? undefined : wanted;
  if (!isRecord(found)) return wanted;
  const changes: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(wanted)) {
    const change = difference(value, found[name], name);
    if (change !== undefined) changes[name] = change;
  }
  const stale = OWN_MAPS.has(key) ? Object.keys(found).filter((name) => !(name in wanted)) : [];
  for (const name of stale) changes[name] = null;
  return Object.keys(changes).length === 0 ? undefined : changes;
}

/** Lists are replaced as a whole, unless the API server has only added defaults to their items. */
function isContained(wanted: unknown, found: unknown): boolean {
  if (Array.isArray(wanted)) {
    return (
      Array.isArray(found) &&
      wanted.length === found.length &&
      wanted.every((item, index) => isContained(item, found[index]))
    );
  }
  if (!isRecord(wanted)) return wanted === found;
  return (
    isRecord(found) && Object.keys(wanted).every((name) => isContained(wanted[name], found[name]))
  );
}

/** The kinds without which there is nothing to register. */
export function missingKind({ unknownKinds }: Present): ResourceType | undefined {
  return [...unknownKinds].find((type) => !OPTIONAL_KINDS.has(type));
}
