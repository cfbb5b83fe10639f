// Who does not report any more, and of what therefore nothing is known now. Pure.
import type { MeshEdge, MeshNode, MeshStatus } from '../api/types.ts';

/** Of one workload. */
export type Silence = {
  /** When the first of its proxies was heard last; 0: not told. */
  readonly sinceMs: number;
  /** Names of its instances whose proxies do not report. */
  readonly names: readonly string[];
  /** Proxies that it has. */
  readonly proxies: number;
};

export type Silences = {
  /** By node. */
  readonly byNode: ReadonlyMap<string, Silence>;
  /** Proxies of the whole mesh that have ever reported. */
  readonly proxies: number;
};

export const NO_SILENCES: Silences = { byNode: new Map(), proxies: 0 };

type Told = Pick<MeshStatus, 'silent' | 'silentSinceMs'>;

export function silencesOf(status: Told | undefined, nodes: Iterable<MeshNode>): Silences {
  if (!status || status.silent.length === 0) return NO_SILENCES;
  const since = new Map(
    status.silent.map((key, index) => [key, status.silentSinceMs?.[index] ?? 0] as const),
  );
  const byNode = new Map<string, Silence>();
  let proxies = 0;
  for (const { id, instances, state } of nodes) {
    if (state === 'gone') continue;
    const known = instances.filter(({ agent }) => agent !== null);
    proxies += known.length;
    const silent = known.filter(({ key }) => since.has(key));
    if (silent.length === 0) continue;
    byNode.set(id, {
      sinceMs: Math.min(...silent.map(({ key }) => since.get(key) ?? 0)),
      names: silent.map(({ key }) => key.split('/').at(-1) ?? key),
      proxies: known.length,
    });
  }
  return { byNode, proxies };
}

/** Does none of its proxies report? */
export const isWhole = (silence: Silence | undefined): boolean =>
  silence !== undefined && silence.names.length === silence.proxies;

/** Nobody reports the edge who has: what is known of it is old. */
export function isUnheard({ reporters, from, to }: MeshEdge, { byNode }: Silences): boolean {
  if (byNode.size === 0 || reporters.length === 0) return false;
  return reporters.every((end) => isWhole(byNode.get(end === 'source' ? from : to)));
}
