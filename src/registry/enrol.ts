// Registering a machine that will join by a token: what others need at once, in the name of whoever
// invites; its WorkloadEntry when it calls and says its address, by the control plane itself.
import { OperatorError } from '#base/operator-error.ts';
import type { KubeClient } from '#kube/client.ts';
import { isRecord, type KubeObject } from '#kube/objects.ts';
import { SERVICE, SERVICE_ENTRY, WORKLOAD_ENTRY, type ResourceType } from '#kube/resources.ts';
import { isNotFound } from '#kube/status.ts';
import { carryOut } from './register/carry-out.ts';
import { entryName, REGISTERED_BY, registrationObjects } from './register/objects.ts';
import { planRegistration, registeredBy, type Action } from './register/plan.ts';
import { readPresent } from './register/present.ts';
import { parseRegistration, type Registration } from './register/request.ts';

export type Enrolment = {
  /** Of the machine. */
  readonly name: string;
  /** Of the service that it serves; the machine's own name where nobody says another. */
  readonly workload: string;
  readonly namespace: string;
  /** As `isthmus register` takes them: `5432`, `8080:http`. */
  readonly ports: readonly string[];
  readonly serviceAccount: string;
  /** Istio's name of the network it is in; empty: the mesh's own. */
  readonly network: string;
};

/** RFC 5737: nobody's. Stands for the address while the machine has not said it. */
const UNKNOWN_ADDRESS = '192.0.2.1';
const NETWORK = /^[A-Za-z0-9]([-\w.]{0,61}[A-Za-z0-9])?$/;

/** @throws OperatorError USAGE */
export function registrationOf(enrolment: Enrolment, address = UNKNOWN_ADDRESS): Registration {
  const { workload, namespace, ports, serviceAccount, network } = enrolment;
  if (network !== '' && !NETWORK.test(network)) {
    throw new OperatorError('USAGE', `"${network}" is no name for a network`, {
      remedy: 'take letters, digits and hyphens, such as us-east1-b',
    });
  }
  const flags = { label: [], protocol: 'tcp', 'service-account': serviceAccount } as const;
  return parseRegistration({ operands: [workload, address, ...ports], flags }, namespace);
}

/**
 * Makes what all machines of the workload share, where it is missing.
 *
 * @throws OperatorError USAGE, NAME_TAKEN, NOT_FOUND, CONFIG_INVALID, KubeStatusError
 */
export async function enrolShared(
  client: KubeClient,
  enrolment: Enrolment,
  signal: AbortSignal,
): Promise<readonly Action[]> {
  const registration = registrationOf(enrolment);
  const { address: _, ...wanted } = registration;
  return await carryOut(
    client,
    async () => {
      const plan = planRegistration(registration, await readPresent(client, wanted, signal));
      const isWanted = ({ type }: Action): boolean =>
        type !== WORKLOAD_ENTRY && (registration.ports.length > 0 || !OF_SERVICES.has(type));
      if (plan.ok) return plan.actions.filter(isWanted);
      throw new OperatorError('NAME_TAKEN', plan.problem, { remedy: plan.remedy });
    },
    signal,
  );
}

/** A machine that serves nothing has none of these. */
const OF_SERVICES: ReadonlySet<ResourceType> = new Set([SERVICE, SERVICE_ENTRY]);

/**
 * Makes the machine's WorkloadEntry, or gives it the address that it has now.
 *
 * @returns the entry's name
 * @throws OperatorError as `enrolShared`, KubeStatusError
 */
export async function enrolMachine(
  client: KubeClient,
  enrolment: Enrolment,
  at: { readonly address: string; readonly signal: AbortSignal },
): Promise<string> {
  const { address, signal } = at;
  const registration = registrationOf(enrolment, address);
  const present = await readPresent(client, registration, signal);
  const plan = planRegistration(registration, present);
  if (!plan.ok) throw new OperatorError('NAME_TAKEN', plan.problem, { remedy: plan.remedy });
  const { namespace } = enrolment;
  const same = present.objects.find(
    ({ type, object }) =>
      type === WORKLOAD_ENTRY &&
      registeredBy(object) === enrolment.workload &&
      isRecord(object.spec) &&
      object.spec['address'] === registration.address,
  );
  const name = same?.object.metadata.name ?? ownEntryName(enrolment, registration);
  const wanted = entryObject(registration, { name, network: enrolment.network });
  const found = await getEntry(client, { namespace, name }, signal);
  if (!found) {
    await client.create(WORKLOAD_ENTRY, wanted, { signal });
    return name;
  }
  if (registeredBy(found) !== enrolment.workload) {
    throw new OperatorError('NAME_TAKEN', `WorkloadEntry ${namespace}/${name} is another's`, {
      remedy: 'choose another name for the machine',
    });
  }
  const { labels } = wanted.metadata;
  const patch = { metadata: { labels }, spec: wanted.spec };
  await client.patch(WORKLOAD_ENTRY, { namespace, name }, patch, { kind: 'merge', signal });
  return name;
}

/** As `register` calls it, unless the machine has a name of its own. */
const ownEntryName = ({ name, workload }: Enrolment, registration: Registration): string =>
  name === workload ? entryName(registration) : name;

function entryObject(
  registration: Registration,
  own: { readonly name: string; readonly network: string },
): KubeObject {
  const manifest = registrationObjects(registration).find(({ type }) => type === WORKLOAD_ENTRY);
  if (!manifest) throw new Error('a registration without a WorkloadEntry');
  const { object } = manifest;
  const spec = isRecord(object.spec) ? object.spec : {};
  return {
    ...object,
    metadata: {
      ...object.metadata,
      name: own.name,
      namespace: registration.namespace,
      labels: { ...object.metadata.labels, [REGISTERED_BY]: registration.name },
    },
    spec: { ...spec, ...(own.network !== '' && { network: own.network }) },
  };
}

async function getEntry(
  client: KubeClient,
  ref: { readonly namespace: string; readonly name: string },
  signal: AbortSignal,
): Promise<KubeObject | undefined> {
  try {
    return await client.get(WORKLOAD_ENTRY, ref, { signal });
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}
