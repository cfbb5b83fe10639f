// Notices when a policy says something else than before: for the page, and for the time line. What
// the API server keeps for itself, and statuses, count for nothing.
import { createHash } from 'node:crypto';
import type { PolicyChange } from '#api/events.ts';
import { objectKey, type KubeObject } from '#kube/objects.ts';
import type { ResourceType } from '#kube/resources.ts';
import { policyType } from '#reach/policy-types.ts';
import type { IngestTarget } from '../ingest.ts';
import { fingerprintOf } from '../policies/objects.ts';
import { lastChange } from '../policies/summary.ts';

export class PolicyChanges implements IngestTarget {
  readonly #nowMs: () => number;
  /** By kind, namespace and name: a digest of what it says. */
  readonly #known = new Map<string, string>();
  /** Undefined: nobody is told yet, such as of those that were there before. */
  onChange: ((change: PolicyChange) => void) | undefined;

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  ingest(type: ResourceType, object: KubeObject, change: 'applied' | 'deleted'): void {
    const { kind } = type;
    if (policyType(kind) === undefined) return;
    const { name, namespace = '', resourceVersion = '' } = object.metadata;
    const ref = { kind, namespace, name };
    const key = `${kind}/${objectKey(object.metadata)}`;
    if (change === 'deleted') {
      this.#known.delete(key);
      this.onChange?.({ ...ref, resourceVersion: '', by: '', atMs: this.#nowMs() });
      return;
    }
    const digest = createHash('sha256').update(fingerprintOf(object, ref)).digest('base64url');
    if (this.#known.get(key) === digest) return;
    this.#known.set(key, digest);
    const { atMs, by } = lastChange(object);
    this.onChange?.({ ...ref, resourceVersion, by, atMs: atMs || this.#nowMs() });
  }
}
