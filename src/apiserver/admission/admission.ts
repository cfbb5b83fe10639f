// The place where others may change or refuse a write: the server's own rules now, webhooks later.
import type { Draft, KubeObject } from '../object.ts';
import type { Scope } from '../registry/scope.ts';

export type AdmissionRequest = {
  readonly scope: Scope;
  readonly operation: 'CREATE' | 'UPDATE' | 'DELETE';
  readonly name: string;
  /** The new state; undefined for DELETE. */
  readonly object: Draft | undefined;
  /** The present state; undefined for CREATE. */
  readonly previous: KubeObject | undefined;
};

export interface Admission {
  /** May change `request.object`. @throws StatusError to refuse */
  mutate(request: AdmissionRequest): Promise<void>;
  /** @throws StatusError to refuse */
  validate(request: AdmissionRequest): Promise<void>;
}

export const ADMIT_ALL: Admission = {
  mutate: () => Promise.resolve(),
  validate: () => Promise.resolve(),
};

/** One after the other; the first refusal ends it. */
export function inOrder(steps: readonly Admission[]): Admission {
  return {
    async mutate(request) {
      for (const step of steps) await step.mutate(request);
    },
    async validate(request) {
      for (const step of steps) await step.validate(request);
    },
  };
}
