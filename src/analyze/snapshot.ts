// All objects of one analysis, found by kind and name.
import type { MeshSettings } from './mesh-settings.ts';
import { fullName } from './resource.ts';
import type { Resource } from './resource.ts';

/** Kubernetes' own affairs, which Istio leaves alone, too. */
const IGNORED_NAMESPACES = new Set([
  'kube-system',
  'kube-public',
  'kube-node-lease',
  'local-path-storage',
]);

export class Snapshot {
  readonly settings: MeshSettings;
  readonly #byType: ReadonlyMap<string, ReadonlyMap<string, Resource>>;

  /** Of two objects of one kind and name the later one counts. */
  constructor(resources: Iterable<Resource>, settings: MeshSettings) {
    const byType = new Map<string, Map<string, Resource>>();
    for (const resource of resources) {
      const { type, namespace, name } = resource;
      if (IGNORED_NAMESPACES.has(type === '/Namespace' ? name : namespace)) continue;
      const known = byType.get(type) ?? new Map<string, Resource>();
      byType.set(type, known.set(fullName(resource), resource));
    }
    this.settings = settings;
    this.#byType = byType;
  }

  of(type: string): readonly Resource[] {
    return [...(this.#byType.get(type)?.values() ?? [])];
  }

  find(type: string, namespace: string, name: string): Resource | undefined {
    return this.#byType.get(type)?.get(fullName({ namespace, name }));
  }

  all(): readonly Resource[] {
    return [...this.#byType.values()].flatMap((known) => [...known.values()]);
  }
}

/** `name` is of the namespace unless it says `namespace/name`. */
export function splitName(
  name: string,
  namespace: string,
): { readonly namespace: string; readonly name: string } {
  const slash = name.indexOf('/');
  if (slash < 0) return { namespace, name };
  return { namespace: name.slice(0, slash), name: name.slice(slash + 1) };
}
