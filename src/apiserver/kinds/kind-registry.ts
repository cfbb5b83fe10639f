// The kinds that are served now: the built-in ones, and those that definitions add and remove.
import type { Kind, ServedKind } from './kind.ts';
import { resourceOf } from './kind.ts';

export class KindRegistry {
  readonly #kinds = new Map<string, Kind>();
  #revision = 0;

  constructor(kinds: Iterable<Kind>) {
    for (const kind of kinds) this.install(kind);
  }

  /** Rises with every change: what is derived from all kinds may be kept until then. */
  get revision(): number {
    return this.#revision;
  }

  install(kind: Kind): void {
    this.#kinds.set(resourceOf(kind), kind);
    this.#revision += 1;
  }

  remove(kind: Pick<Kind, 'group' | 'plural'>): void {
    if (this.#kinds.delete(resourceOf(kind))) this.#revision += 1;
  }

  all(): readonly Kind[] {
    return [...this.#kinds.values()];
  }

  /** @param resource as `resourceOf` names it */
  get(resource: string): Kind | undefined {
    return this.#kinds.get(resource);
  }

  find(group: string, version: string, plural: string): ServedKind | undefined {
    const kind = this.#kinds.get(resourceOf({ group, plural }));
    return kind && servedAs(kind, version);
  }

  findByKind(group: string, version: string, name: string): ServedKind | undefined {
    for (const kind of this.#kinds.values()) {
      if (kind.group === group && kind.kind === name) return servedAs(kind, version);
    }
    return undefined;
  }

  hasVersion(group: string, version: string): boolean {
    for (const kind of this.#kinds.values()) {
      if (kind.group === group && servedAs(kind, version)) return true;
    }
    return false;
  }
}

function servedAs(kind: Kind, name: string): ServedKind | undefined {
  const version = kind.versions.find((one) => one.name === name);
  return version && { kind, version };
}

/** Kubernetes' order: v2 before v1, both before v1beta2, that before v1beta1, v1alpha1, then names. */
export function byVersionPriority(a: string, b: string): number {
  const [left, right] = [versionRank(a), versionRank(b)];
  for (let index = 0; index < left.length; index += 1) {
    const difference = (right[index] ?? 0) - (left[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return a.localeCompare(b);
}

const STABILITY: Readonly<Record<string, number>> = { alpha: 1, beta: 2 };
const STABLE = 3;

/** Stability, major and minor number; all zero for a name that is no such version. */
function versionRank(name: string): readonly [number, number, number] {
  const match = /^v(\d+)(?:(alpha|beta)(\d+))?$/.exec(name);
  if (!match) return [0, 0, 0];
  return [STABILITY[match[2] ?? ''] ?? STABLE, Number(match[1]), Number(match[3] ?? 0)];
}
