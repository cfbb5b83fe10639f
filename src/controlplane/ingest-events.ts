// What the Kubernetes API has told, by kind: for metrics.
import { resourceName, type ResourceType } from '#kube/resources.ts';

export type IngestEvent = 'add' | 'update' | 'delete';

/** Since the start; only ever growing. */
export class IngestEvents {
  /** By `<kind>/<event>`: there are as many kinds as are watched. */
  readonly counts = new Map<string, { type: ResourceType; event: IngestEvent; count: number }>();
  /** How often something was computed anew, by what had changed first. */
  readonly triggers = new Map<ResourceType, number>();

  note(type: ResourceType, event: IngestEvent): void {
    const key = `${resourceName(type)}/${event}`;
    const known = this.counts.get(key) ?? { type, event, count: 0 };
    known.count += 1;
    this.counts.set(key, known);
  }

  noteTrigger(type: ResourceType): void {
    this.triggers.set(type, (this.triggers.get(type) ?? 0) + 1);
  }
}
