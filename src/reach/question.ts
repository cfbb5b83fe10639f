// Who is meant by "can A reach B": names as the map has them, or as people do.
import { canonicalIp } from '#base/ip.ts';
import { parseSpiffeId } from '#base/workload-identity.ts';
import type { Mesh } from '#model/mesh.ts';
import { isVisibleIn } from '#model/service.ts';
import type { MeshService } from '#model/service.ts';
import type { Workload } from '#model/workload.ts';
import { workloadName } from '#resolve/identity-metadata.ts';
import { fullNames, hostLookup, servicesCalled } from './hosts.ts';
import { nearest } from './suggest.ts';

export type Asked = {
  readonly from: string;
  readonly to: string;
  /** 0: the only port of what is meant. */
  readonly port: number;
};

export type Target =
  /** A port of a service; with `workload` only the endpoint that it is. */
  | {
      readonly kind: 'service';
      readonly service: MeshService;
      readonly port: number;
      readonly workload: Workload | undefined;
    }
  | {
      readonly kind: 'address';
      readonly address: string;
      readonly port: number;
      readonly workload: Workload | undefined;
    }
  /** A service that the client may not see. */
  | { readonly kind: 'hidden'; readonly service: MeshService; readonly port: number }
  /** Nobody's name in the mesh. */
  | { readonly kind: 'unknown'; readonly port: number };

export type Question = {
  readonly from: Workload;
  /** The host or address that a program would dial; for what is unknown, what was asked. */
  readonly name: string;
  readonly target: Target;
};

export type Understood =
  | { readonly ok: true; readonly question: Question }
  /** One sentence, and what might have been meant. `vague`: several things may be. */
  | {
      readonly ok: false;
      readonly kind: 'nobody' | 'vague';
      readonly problem: string;
      readonly remedy: string;
    };

export function understand(mesh: Mesh, asked: Asked): Understood {
  const from = findWorkload(mesh, asked.from);
  if (from === undefined) {
    const near = nearest(bareName(asked.from), workloadNames(mesh));
    const remedy =
      near === undefined ? 'isthmus graph shows who there is' : `did you mean ${near}?`;
    const problem = `the mesh has no workload ${asked.from}`;
    return { ok: false, kind: 'nobody', problem, remedy };
  }
  return understandTarget(mesh, from, asked);
}

function understandTarget(mesh: Mesh, from: Workload, { to, port }: Asked): Understood {
  const bare = bareName(to);
  const ip = canonicalIp(bare);
  if (ip !== undefined) return ofAddress(mesh, { from, address: ip, port });
  if (!to.startsWith('wl:')) {
    const names = fullNames(mesh, bare, from.namespace);
    const serviceOf = hostLookup(mesh);
    const seen = names.flatMap((name) => serviceOf(from.namespace, name) ?? [])[0];
    if (seen) return ofService({ from, service: seen, port, workload: undefined });
    const [hidden] = names.flatMap((name) => servicesCalled(mesh, name));
    if (hidden) return ofService({ from, service: hidden, port, workload: undefined });
  }
  const workload = findWorkload(mesh, to, from.namespace);
  if (workload) return ofWorkload(mesh, { from, workload, port });
  if (port === 0) return portNeeded(to, []);
  return { ok: true, question: { from, name: bare, target: { kind: 'unknown', port } } };
}

function ofService(meant: {
  readonly from: Workload;
  readonly service: MeshService;
  readonly port: number;
  readonly workload: Workload | undefined;
}): Understood {
  const { from, service, workload } = meant;
  const [only, ...others] = service.ports;
  if (meant.port === 0 && (only === undefined || others.length > 0)) {
    const numbers = service.ports.map(({ number }) => number);
    return portNeeded(service.host, numbers);
  }
  const port = meant.port || (only?.number ?? 0);
  const isHidden = !isVisibleIn(service, from.namespace);
  const target: Target = isHidden
    ? { kind: 'hidden', service, port }
    : { kind: 'service', service, port, workload };
  return { ok: true, question: { from, name: service.host, target } };
}

/** A workload is dialled by a service that has it behind that port, if there is one. */
function ofWorkload(
  mesh: Mesh,
  { from, workload, port }: { from: Workload; workload: Workload; port: number },
): Understood {
  const served = mesh.inboundPorts(workload.key);
  const meant = served.find((one) => one.service.port === port || one.port === port);
  const [only, ...others] = served;
  const one = port === 0 && others.length === 0 ? only : meant;
  const service = one && mesh.services.get(one.service.key);
  if (service && one) return ofService({ from, service, port: one.service.port, workload });
  if (port === 0)
    return portNeeded(
      workload.name,
      served.map((it) => it.service.port),
    );
  const [host] = served.flatMap((it) => mesh.services.get(it.service.key) ?? []);
  if (host) return ofService({ from, service: host, port, workload });
  const [address = ''] = workload.addresses;
  const target = { kind: 'address', address, port, workload } as const;
  return { ok: true, question: { from, name: address, target } };
}

function ofAddress(
  mesh: Mesh,
  { from, address, port }: { from: Workload; address: string; port: number },
): Understood {
  const owner = mesh.ownerOf(from.namespace, address);
  if (owner?.kind === 'service') {
    const found = ofService({ from, service: owner.service, port, workload: undefined });
    return found.ok ? { ok: true, question: { ...found.question, name: address } } : found;
  }
  if (port === 0) return portNeeded(address, []);
  const [workload] = mesh.workloadsAt(address);
  const target = { kind: 'address', address, port, workload } as const;
  return { ok: true, question: { from, name: address, target } };
}

function portNeeded(name: string, ports: readonly number[]): Understood {
  const remedy = ports.length > 0 ? `it has ${ports.join(', ')}` : `write ${name}:PORT`;
  return { ok: false, kind: 'vague', problem: `which port of ${name} is meant?`, remedy };
}

/** Without what the map puts before names. */
const bareName = (text: string): string => text.replace(/^(wl|host|ip):/, '');

/**
 * `wl:<namespace>/<workload>`, a key of the model, a SPIFFE ID, `name`, `name.namespace` or
 * `namespace/name`; of several instances the one that is ready, then the first by key.
 */
export function findWorkload(mesh: Mesh, text: string, namespace = ''): Workload | undefined {
  const exact = mesh.workloads.get(text);
  if (exact) return exact;
  const all = [...mesh.workloads.entries()].map(([, workload]) => workload);
  const identity = parseSpiffeId(text);
  if (identity.ok) {
    const { namespace: of, serviceAccount } = identity.value;
    return best(all.filter((it) => it.namespace === of && it.serviceAccount === serviceAccount));
  }
  for (const [name, within] of readings(bareName(text), namespace)) {
    const there = all.filter((one) => within === undefined || one.namespace === within);
    const found =
      best(there.filter((one) => one.name === name)) ??
      best(there.filter((one) => workloadName(one) === name || one.labels['app'] === name));
    if (found) return found;
  }
  return undefined;
}

/** What a text may mean, the narrowest first. Names may have dots in them, namespaces may not. */
function readings(
  text: string,
  namespace: string,
): readonly (readonly [name: string, namespace: string | undefined])[] {
  const [, slashed, rest] = /^([^/]+)\/([^/]+)$/.exec(text) ?? [];
  if (slashed !== undefined && rest !== undefined) return [[rest, slashed]];
  const [, name, dotted] = /^(.+)\.([^.]+)$/.exec(text) ?? [];
  return [
    ...(namespace === '' ? [] : [[text, namespace] as const]),
    ...(name === undefined ? [] : [[name, dotted] as const]),
    [text, undefined],
  ];
}

const best = (workloads: readonly Workload[]): Workload | undefined =>
  workloads.toSorted(
    (a, b) =>
      Number(b.health === 'ready') - Number(a.health === 'ready') || (a.key < b.key ? -1 : 1),
  )[0];

const workloadNames = (mesh: Mesh): readonly string[] => [
  ...new Set(
    [...mesh.workloads.entries()].flatMap(([, one]) => [
      workloadName(one),
      `${workloadName(one)}.${one.namespace}`,
      `${one.namespace}/${workloadName(one)}`,
    ]),
  ),
];
