// Reads what the Kubernetes API has of a registration's names and its address.
import { OperatorError } from '#base/operator-error.ts';
import type { KubeClient, Selection } from '#kube/client.ts';
import { isRecord, type KubeObject } from '#kube/objects.ts';
import {
  NAMESPACE,
  NODE,
  POD,
  SERVICE,
  SERVICE_ACCOUNT,
  SERVICE_ENTRY,
  WORKLOAD_ENTRY,
  type ResourceType,
} from '#kube/resources.ts';
import { isNotFound, KubeStatusError } from '#kube/status.ts';
import { REGISTERED_BY, SHARED_KINDS, type Manifest } from './objects.ts';
import { missingKind, registeredBy, type Holder, type Present } from './plan.ts';

export type Wanted = {
  readonly name: string;
  readonly namespace: string;
  /** undefined: nobody is asked who has it. */
  readonly address?: string | undefined;
  /** Default: that of the registration's name. */
  readonly serviceAccount?: string;
};

type Reader = Pick<KubeClient, 'get' | 'list'>;

/** @throws OperatorError NOT_FOUND for an unknown namespace, CONFIG_INVALID without a mesh */
export async function readPresent(
  client: Reader,
  wanted: Wanted,
  signal: AbortSignal,
): Promise<Present> {
  await assertNamespace(client, wanted.namespace, signal);
  const lists = await Promise.all(
    [...SHARED_KINDS, WORKLOAD_ENTRY].map(async (type) => ({
      type,
      objects: await readKind(client, type, wanted, signal),
    })),
  );
  const present: Present = {
    unknownKinds: new Set(
      lists.filter(({ objects }) => objects === undefined).map(({ type }) => type),
    ),
    objects: lists.flatMap(({ type, objects = [] }) =>
      objects.map((object): Manifest => ({ type, object })),
    ),
    holders:
      wanted.address === undefined ? [] : await readHolders(client, wanted.address, wanted, signal),
  };
  const missing = missingKind(present);
  if (missing === undefined) return present;
  throw new OperatorError('CONFIG_INVALID', `the API server does not know ${missing.kind}`, {
    remedy: 'start isthmusd for this cluster first: it installs the kinds of the mesh',
  });
}

async function assertNamespace(client: Reader, name: string, signal: AbortSignal): Promise<void> {
  try {
    await client.get(NAMESPACE, { name }, { signal });
  } catch (error) {
    if (isForbidden(error)) return; // whoever may not look may still write
    if (!isNotFound(error)) throw error;
    throw new OperatorError('NOT_FOUND', `there is no namespace ${name}`, {
      remedy: `name another with -n, or make it: kubectl create namespace ${name}`,
      cause: error,
    });
  }
}

/** undefined: the API server does not know the kind. */
async function readKind(
  client: Reader,
  type: ResourceType,
  { name, namespace, serviceAccount = name }: Wanted,
  signal: AbortSignal,
): Promise<readonly KubeObject[] | undefined> {
  const list = async (selection: Selection): Promise<readonly KubeObject[]> =>
    (await client.list(type, { namespace, ...selection, signal })).items;
  try {
    if (type === SERVICE_ENTRY || type === WORKLOAD_ENTRY) return await list({});
    const named = type === SERVICE_ACCOUNT ? serviceAccount : name;
    const [own, sameName] = await Promise.all([
      list({ labelSelector: `${REGISTERED_BY}=${name}` }),
      list({ fieldSelector: `metadata.name=${named}` }),
    ]);
    return [...own, ...sameName.filter((object) => registeredBy(object) !== name)];
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

const isForbidden = (error: unknown): boolean =>
  error instanceof KubeStatusError && error.status.code === 403;

/** Whoever has the address, as far as this user may see it. */
async function readHolders(
  client: Reader,
  address: string,
  { namespace }: Wanted,
  signal: AbortSignal,
): Promise<readonly Holder[]> {
  const holdersOf = async (
    type: ResourceType,
    kind: Holder['kind'],
    has: (object: KubeObject) => boolean,
    selection: Selection = {},
  ): Promise<Holder[]> => {
    const items = await listAllowed(client, type, { ...selection, namespace, signal });
    return items.filter(has).map((object) => ({
      kind,
      namespace: object.metadata.namespace ?? '',
      name: object.metadata.name,
      registeredBy: registeredBy(object),
    }));
  };
  const holders = await Promise.all([
    holdersOf(WORKLOAD_ENTRY, 'WorkloadEntry', ({ spec }) => hasField(spec, 'address', address)),
    holdersOf(POD, 'Pod', isRunning, { fieldSelector: `status.podIP=${address}` }),
    holdersOf(SERVICE, 'Service', ({ spec }) => hasField(spec, 'clusterIP', address)),
    holdersOf(NODE, 'Node', ({ status }) => nodeAddresses(status).includes(address)),
  ]);
  return holders.flat();
}

/** In all namespaces; where that is forbidden in the own one, and where that is, too, nothing. */
async function listAllowed(
  client: Reader,
  type: ResourceType,
  {
    namespace,
    ...options
  }: Selection & { readonly namespace: string; readonly signal: AbortSignal },
): Promise<readonly KubeObject[]> {
  for (const within of type.namespaced ? [{}, { namespace }] : [{}]) {
    try {
      return (await client.list(type, { ...options, ...within })).items;
    } catch (error) {
      if (!isForbidden(error)) throw error;
    }
  }
  return [];
}

const hasField = (spec: unknown, field: string, value: string): boolean =>
  isRecord(spec) && spec[field] === value;

/** A Pod that has ended keeps its address in its status, and has it no more. */
function isRunning({ status }: KubeObject): boolean {
  const phase = isRecord(status) ? status['phase'] : undefined;
  return phase !== 'Succeeded' && phase !== 'Failed';
}

function nodeAddresses(status: unknown): readonly unknown[] {
  const addresses: unknown = isRecord(status) ? status['addresses'] : undefined;
  const list: readonly unknown[] = Array.isArray(addresses) ? addresses : [];
  return list.filter(isRecord).map(({ address }) => address);
}
