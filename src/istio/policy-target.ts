// What a policy is for: the workloads that a selector finds, or the objects that it names.
import type { Reading, Rule } from './schema/reading.ts';
import { object } from './schema/object-schema.ts';
import { string } from './schema/schema.ts';
import type { Static } from './schema/schema.ts';

/** type.istio.io PolicyTargetReference. */
export const targetRef = object(
  {
    group: string({
      lengthMax: 253,
      pattern: /^$|^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/,
    }),
    kind: string({
      lengthMin: 1,
      lengthMax: 63,
      pattern: /^[a-zA-Z]([-a-zA-Z0-9]*[a-zA-Z0-9])?$/,
    }),
    name: string({ lengthMin: 1, lengthMax: 253 }),
    namespace: string({
      rules: [
        {
          cel: 'self.size() == 0',
          message: 'cross namespace referencing is not currently supported',
          holds: (self) => self === '',
        },
      ],
    }),
  },
  { required: ['kind', 'name'] },
);

export type PolicyTargetReference = Static<typeof targetRef>;

type Targets = {
  readonly selector?: unknown;
  readonly targetRef?: PolicyTargetReference;
  readonly targetRefs?: readonly PolicyTargetReference[];
};

const isOneAtMost = ({ selector, targetRef, targetRefs }: Targets): boolean =>
  [selector, targetRef, targetRefs].filter((field) => field !== undefined).length <= 1;

export const ONE_TARGET: Rule<Targets> = {
  cel: '(has(self.selector) ? 1 : 0) + (has(self.targetRef) ? 1 : 0) + (has(self.targetRefs) ? 1 : 0) <= 1',
  message: 'only one of targetRefs or selector can be set',
  holds: isOneAtMost,
};

/** The same for kinds that never had `targetRef`. */
export const ONE_SELECTION: Rule<Targets> = {
  cel: '(has(self.selector) ? 1 : 0) + (has(self.targetRefs) ? 1 : 0) <= 1',
  message: 'only one of targetRefs or selector can be set',
  holds: isOneAtMost,
};

/** `group/kind` of what a policy may name as its target. */
const TARGETS: ReadonlySet<string> = new Set([
  '/Service',
  'core/Service',
  'networking.istio.io/ServiceEntry',
  'gateway.networking.k8s.io/Gateway',
  'gateway.networking.k8s.io/GatewayClass',
]);

/** What a policy names, whichever of the two fields says so. */
export const policyTargets = ({
  targetRef,
  targetRefs = [],
}: Targets): readonly PolicyTargetReference[] =>
  targetRefs.length > 0 || targetRef === undefined ? targetRefs : [targetRef];

export function checkTargets({ targetRef, targetRefs = [] }: Targets, at: Reading): void {
  if (targetRef) checkTarget(targetRef, at.property('targetRef'));
  for (const [index, target] of targetRefs.entries()) {
    checkTarget(target, at.property('targetRefs').item(index));
  }
}

function checkTarget({ group = '', kind }: PolicyTargetReference, at: Reading): void {
  if (TARGETS.has(`${group}/${kind}`)) return;
  at.refuse(`Invalid value: ${at.quote(`${group}/${kind}`)}: no policy can be attached to it`);
}
