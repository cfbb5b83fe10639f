// The way in from outside, as people use it and as it can be seen from its far ends: the library's
// page through the gateway, and by which addresses a VM and the control plane speak.
import http from 'node:http';
import { text } from 'node:stream/consumers';
import { systemClock, withDeadline } from '#base/clock.ts';
import { OperatorError } from '#base/operator-error.ts';
import { fieldsOf, objectsAt, textAt } from '#kube/fields.ts';
import { POD, SERVICE } from '#kube/resources.ts';
import { XDS_PORT } from '../cluster.ts';
import { eventually } from '../eventually.ts';
import type { Machine } from '../machine.ts';
import { ROOT_NAMESPACE } from '../manifests.ts';
import { CONTROL_PLANE, type LibraryWorld, VM } from './library-world.ts';
import type { WayIn } from './way-in-checks.ts';

const GATEWAY = { namespace: ROOT_NAMESPACE, name: 'istio-ingressgateway' };
const GATEWAY_PODS = 'istio=ingressgateway';
const ANSWER_LIMIT_MS = 5_000;
/** A handshake within a machine takes a millisecond; one that is dropped takes for ever. */
const DIAL_LIMIT_SECONDS = 1;
/** coreutils' status of `timeout` when time was up. */
const TIMED_OUT = 124;

/** Of its load balancer, once it has one. */
export async function gatewayAddress(world: LibraryWorld): Promise<string> {
  return await eventually('an address for the gateway', async () => {
    const { status } = await world.cluster.kube.get(SERVICE, GATEWAY);
    const [ingress = {}] = objectsAt(fieldsOf(status, 'loadBalancer'), 'ingress');
    return textAt(ingress, 'ip') || undefined;
  });
}

export type Answer = { readonly status: number; readonly body: string };

/** What a browser outside of the cluster gets. @param book is added; without one, it reads */
export async function browse(url: URL, book?: object): Promise<Answer> {
  const limits = { what: url.href, limitMs: ANSWER_LIMIT_MS, clock: systemClock };
  return await withDeadline(limits, async (signal) => {
    const { promise, resolve, reject } = Promise.withResolvers<http.IncomingMessage>();
    const headers = { 'content-type': 'application/json' };
    const how = book ? { method: 'POST', headers } : {};
    const request = http.request(url, { ...how, agent: false, signal }, resolve);
    request.on('error', reject);
    request.end(book ? JSON.stringify(book) : undefined);
    const response = await promise;
    return { status: response.statusCode ?? 0, body: await text(response) };
  });
}

/** The page's title, once the gateway leads to it. */
export async function pageTitle(url: URL): Promise<string> {
  const body = await eventually(`the page at ${url.href}`, async () => {
    const answer = await browse(url).catch(() => undefined); // refused, reset: not there yet
    return answer?.status === 200 ? answer.body : undefined;
  });
  return /<title>([^<]*)/.exec(body)?.[1] ?? '';
}

export type VisitorsBook = {
  readonly title: string;
  readonly author: string;
  readonly shelf: string;
};

/** Gives the library a book by its page. @throws OperatorError LAB_FAILED */
export async function addBook(url: URL, book: VisitorsBook): Promise<void> {
  const { status, body } = await browse(new URL('/api/books', url), book);
  if (status === 201) return;
  throw new OperatorError('LAB_FAILED', `the library did not take the book: ${status} ${body}`, {
    remedy: "read the front's log: kubectl logs -n library deploy/front",
  });
}

/**
 * Does the firewall drop what the VM sends to the control plane itself? To be asked before there is
 * an agent: afterwards such a connection is the mesh's, and ends at the VM's own proxy.
 */
export async function isDirectWayClosed({ cloud }: LibraryWorld): Promise<boolean> {
  const dial = ['bash', '-c', `exec 3<>/dev/tcp/${CONTROL_PLANE.address}/${XDS_PORT}`];
  const words = ['timeout', String(DIAL_LIMIT_SECONDS), ...dial];
  const { status } = await cloud.machine(VM.name).run(words);
  return status === TIMED_OUT;
}

/** Who speaks to whom on the control plane's port. */
export async function observeWayIn(world: LibraryWorld): Promise<Omit<WayIn, 'isDirectDropped'>> {
  const { cloud, cluster } = world;
  const vm = cloud.machine(VM.name);
  const controlPlane = cloud.machine(CONTROL_PLANE.name);
  const [gateway, pods, vmDials, controlPlaneSees] = await Promise.all([
    gatewayAddress(world),
    cluster.kube.list(POD, { ...GATEWAY, labelSelector: GATEWAY_PODS }),
    peersOf(vm, `dport = :${XDS_PORT}`),
    peersOf(controlPlane, `sport = :${XDS_PORT}`),
  ]);
  const gatewayPods = pods.items.map(({ status }) => textAt(fieldsOf(status), 'podIP'));
  return { vm: vm.address, gateway, gatewayPods, vmDials, controlPlaneSees };
}

/** Addresses at the other ends of a machine's open connections, each once. */
async function peersOf(machine: Machine, filter: string): Promise<readonly string[]> {
  const words = ['ss', '-Htn', 'state', 'established', ...filter.split(' ')];
  const { stdout } = await machine.run(words);
  const peers = stdout.split('\n').flatMap((line) => line.trim().split(/\s+/).at(-1) ?? []);
  return [...new Set(peers.map((peer) => peer.replace(/:\d+$/, '')).filter(Boolean))].toSorted();
}
