// What a container's life needs to know of its Pod and its node.
import type { EventNote } from '#kube/event-recorder.ts';
import type { NodeParts } from '../parts.ts';
import type { PodPlace } from '../pod/self.ts';
import type { ContainerSpec, PodView } from '../pod/spec.ts';
import type { PodVolumes } from '../volumes.ts';

export type ContainerContext = {
  readonly spec: ContainerSpec;
  /** The Pod as it is now. */
  readonly pod: () => PodView;
  readonly place: PodPlace;
  readonly node: NodeParts;
  readonly volumes: PodVolumes;
  /** Texts that all containers of the Pod have in /etc, by path. */
  readonly files: Readonly<Record<string, string>>;
  /** The container's own folder on the host. */
  readonly folder: string;
  readonly logFolder: string;
};

export function note(
  { node, pod }: ContainerContext,
  type: EventNote['type'],
  reason: string,
  message: string,
): void {
  node.note(pod(), { type, reason, message });
}
