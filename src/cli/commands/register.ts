// `isthmus register` and `isthmus deregister`: a workload on a VM into the mesh, and out of it.
import { stringify } from 'yaml';
import { OperatorError } from '#base/operator-error.ts';
import type { KubeClient } from '#kube/client.ts';
import { isRecord } from '#kube/objects.ts';
import { SERVICE, WORKLOAD_ENTRY } from '#kube/resources.ts';
import type { Surroundings } from '../command.ts';
import { withKube, type Kube, type KubeWords } from '../kube.ts';
import { carryOut, renderAction } from '#registry/register/carry-out.ts';
import { hostOf, registrationObjects } from '#registry/register/objects.ts';
import {
  planDeregistration,
  planRegistration,
  registeredBy,
  type Action,
  type Deregistration,
  type Present,
} from '#registry/register/plan.ts';
import { readPresent } from '#registry/register/present.ts';
import {
  parseAddress,
  parseName,
  parseRegistration,
  type Registration,
  type RegisterWords,
} from '#registry/register/request.ts';

type RegisterCall = Surroundings & {
  readonly operands: readonly string[];
  readonly flags: RegisterWords['flags'] & KubeWords & { readonly 'dry-run': boolean };
};

/** @throws OperatorError USAGE, NAME_TAKEN, NOT_FOUND, and those of `withKube` */
export async function runRegister(call: RegisterCall): Promise<number> {
  const { flags, env, signal, print } = call;
  const words = parseRegistration(call, flags.namespace ?? 'default'); // before anybody is asked
  if (flags['dry-run']) {
    print(renderManifests(words));
    return 0;
  }
  return await withKube(flags, env, async ({ client, namespace }) => {
    const registration = { ...words, namespace };
    const plan = async (): Promise<readonly Action[]> => {
      const result = planRegistration(
        registration,
        await readPresent(client, registration, signal),
      );
      if (result.ok) return result.actions;
      const { problem, remedy } = result;
      throw new OperatorError('NAME_TAKEN', problem, { remedy });
    };
    const actions = await carryOut(client, plan, signal);
    for (const action of actions) print(renderAction(action));
    const clusterIp = await readClusterIp(client, registration, signal);
    print(renderRegistered(registration, clusterIp));
    return 0;
  });
}

/** The objects as `kubectl apply` takes them. */
function renderManifests(registration: Registration): string {
  return registrationObjects(registration)
    .map(({ object }) => stringify(object, { lineWidth: 0, aliasDuplicateObjects: false }))
    .join('---\n')
    .trimEnd();
}

async function readClusterIp(
  client: KubeClient,
  { namespace, name }: Registration,
  signal: AbortSignal,
): Promise<string> {
  const { spec } = await client.get(SERVICE, { namespace, name }, { signal });
  const clusterIp = isRecord(spec) ? spec['clusterIP'] : undefined;
  return typeof clusterIp === 'string' ? clusterIp : '';
}

function renderRegistered(registration: Registration, clusterIp: string): string {
  const { name, namespace, address, ports } = registration;
  const list = ports.map(({ port, protocol }) => `${port}/${protocol}`).join(', ');
  const as = clusterIp === '' ? '' : ` (${clusterIp})`;
  return [
    '',
    `${address} serves ${list} as ${hostOf(registration)}${as}`,
    `files for the machine: isthmus vm files ${name} -n ${namespace}`,
  ].join('\n');
}

type DeregisterCall = Surroundings & {
  readonly operands: readonly string[];
  readonly flags: KubeWords;
};

/** @throws OperatorError USAGE, NOT_FOUND, and those of `withKube` */
export async function runDeregister(call: DeregisterCall): Promise<number> {
  const { flags, env, signal, print, operands } = call;
  const [nameWord = '', ip] = operands;
  const name = parseName(nameWord);
  const address = ip === undefined ? undefined : parseAddress(ip);
  return await withKube(flags, env, async (kube: Kube) => {
    const { client, namespace } = kube;
    const wanted: Deregistration = { name, namespace, address };
    let last: Present | undefined;
    const plan = async (): Promise<readonly Action[]> => {
      last = await readPresent(client, { name, namespace }, signal);
      return planDeregistration(wanted, last);
    };
    const actions = await carryOut(client, plan, signal);
    for (const action of actions) print(renderAction(action));
    if (actions.length === 0) print(renderNothingToDo(wanted, last));
    return 0;
  });
}

/** Nothing is wrong with that; but it may be a slip, so what there is is said. */
function renderNothingToDo(wanted: Deregistration, present: Present | undefined): string {
  const { name, namespace, address } = wanted;
  const at = address === undefined ? '' : ` at ${address}`;
  const entries = (present?.objects ?? [])
    .filter(({ type, object }) => type === WORKLOAD_ENTRY && registeredBy(object) !== undefined)
    .map(({ object }) => {
      const { spec } = object;
      const where = isRecord(spec) ? ` ${String(spec['address'])}` : '';
      return `${registeredBy(object)}${where}`;
    });
  const there = entries.length === 0 ? 'nothing' : entries.toSorted().join(', ');
  return `${name} is not registered${at} in namespace ${namespace}; registered there: ${there}`;
}
