// What a step of Reach finds.
import type { ReachFix, ReachStep } from '#api/reach.ts';
import type { MeshService } from '#model/service.ts';
import type { Workload } from '#model/workload.ts';
import { workloadName } from '#resolve/identity-metadata.ts';

export type Finding = Pick<
  ReachStep,
  'verdict' | 'source' | 'summary' | 'evidence' | 'object' | 'fix'
>;

type Rest = Partial<Pick<Finding, 'evidence' | 'object' | 'fix'>>;
type Source = Finding['source'];

const finding =
  (verdict: Finding['verdict']) =>
  (source: Source, summary: string, rest: Rest = {}): Finding => ({
    verdict,
    source,
    summary,
    evidence: rest.evidence ?? [],
    object: rest.object ?? null,
    fix: rest.fix ?? null,
  });

export const passed = finding('passed');
export const failed = finding('failed');
export const unknown = finding('unknown');

/** @param command for a shell; @param yaml an object to apply */
export const fix = (text: string, rest: Partial<Omit<ReachFix, 'text'>> = {}): ReachFix => ({
  text,
  command: rest.command ?? '',
  yaml: rest.yaml ?? '',
  ...(rest.commands && { commands: rest.commands }),
});

/** `postgresql-1-vm.default` */
export const nameOf = (workload: Workload): string =>
  `${workloadName(workload)}.${workload.namespace}`;

export function objectOf({ kubeService, serviceEntries }: MeshService): Finding['object'] {
  const [kind, key] =
    kubeService === undefined ? ['ServiceEntry', serviceEntries[0]] : ['Service', kubeService];
  const [namespace, name] = key?.split('/') ?? [];
  return namespace === undefined || name === undefined ? null : { kind, namespace, name };
}

/** `3 s ago`, as precisely as anybody needs it. */
export function ago(atMs: number, nowMs: number): string {
  const seconds = Math.max(0, Math.round((nowMs - atMs) / 1000));
  if (seconds < 120) return `${seconds} s ago`;
  const minutes = Math.round(seconds / 60);
  return minutes < 120 ? `${minutes} min ago` : `${Math.round(minutes / 60)} h ago`;
}
