// Hosts that workloads can reach: of Services and ServiceEntries, each for some namespaces or all.
import { fieldsOf, numberAt, objectsAt, textMapOf, textsAt } from '#kube/fields.ts';
import type { Resource } from './resource.ts';
import { SERVICE, SERVICE_ENTRY } from './resource.ts';
import { annotationsOf, specOf } from './selectors.ts';
import type { Labels } from './selectors.ts';
import type { Snapshot } from './snapshot.ts';

const EVERYBODY = '*';
const EXPORT_TO = 'networking.istio.io/exportTo';

export type KnownHost = {
  /** Full, in the cluster's domain; may begin with `*`. */
  readonly host: string;
  readonly ports: readonly number[];
  /** Of the workloads behind it, where a ServiceEntry says so. */
  readonly selector: Labels;
};

/** A short name is a service of the namespace. */
export function fullHost(host: string, namespace: string): string {
  const isShort = !host.startsWith('*') && !host.includes('.');
  return isShort ? `${host}.${namespace}.svc.cluster.local` : host;
}

/** The namespaces that may use what is exported so: `*` alone for all. */
export function exportScopes(exportTo: readonly string[], namespace: string): ReadonlySet<string> {
  if (exportTo.length === 0 || exportTo.includes(EVERYBODY)) return new Set([EVERYBODY]);
  return new Set(exportTo.map((scope) => (scope === '.' ? namespace : scope)));
}

export class KnownHosts {
  /** By `scope/host`. */
  readonly #hosts = new Map<string, KnownHost>();

  constructor(snapshot: Snapshot) {
    for (const entry of snapshot.of(SERVICE_ENTRY)) this.#addEntry(entry);
    for (const service of snapshot.of(SERVICE)) this.#addService(service);
  }

  /** What a host means to who is in `namespace`; rules are looked up where they are exported to. */
  find(host: string, namespace: string, exportTo: readonly string[]): KnownHost | undefined {
    const full = fullHost(host, namespace);
    const scopes = exportTo.length === 0 ? [namespace] : exportTo;
    for (const scope of [EVERYBODY, ...scopes]) {
      const found = this.#hosts.get(`${scope === '.' ? namespace : scope}/${full}`);
      if (found !== undefined) return found;
    }
    return this.#findWildcard(host, namespace);
  }

  #findWildcard(host: string, namespace: string): KnownHost | undefined {
    const bare = host.replace(/^\*/, '');
    for (const [key, known] of this.#hosts) {
      const isVisible = key.startsWith(`${EVERYBODY}/`) || key.startsWith(`${namespace}/`);
      if (!isVisible || !known.host.startsWith('*')) continue;
      if (bare.endsWith(known.host.slice(1))) return known;
    }
    return undefined;
  }

  #addEntry(entry: Resource): void {
    const spec = specOf(entry);
    const ports = objectsAt(spec, 'ports').map((port) => numberAt(port, 'number') ?? 0);
    const selector = textMapOf(fieldsOf(spec['workloadSelector'])['labels']);
    for (const host of textsAt(spec, 'hosts')) {
      const full = fullHost(host, entry.namespace);
      this.#add({ host: full, ports, selector }, textsAt(spec, 'exportTo'), entry.namespace);
    }
  }

  #addService(service: Resource): void {
    const ports = objectsAt(specOf(service), 'ports').map((port) => numberAt(port, 'port') ?? 0);
    const exportTo = (annotationsOf(service)[EXPORT_TO] ?? '').split(',').map((it) => it.trim());
    const host = `${service.name}.${service.namespace}.svc.cluster.local`;
    const scopes = exportTo.filter((scope) => scope !== '');
    this.#add({ host, ports, selector: {} }, scopes, service.namespace);
  }

  #add(known: KnownHost, exportTo: readonly string[], namespace: string): void {
    for (const scope of exportScopes(exportTo, namespace)) {
      this.#hosts.set(`${scope}/${known.host}`, known);
    }
  }
}
