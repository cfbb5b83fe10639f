// A Deployment: moves its Pods from one template to the next without more than it may have and
// with no fewer than it needs. It has one ReplicaSet for each template and gives them their sizes.
// https://kubernetes.io/docs/concepts/workloads/controllers/deployment/
import { fieldsOf } from '#kube/fields.ts';
import { labelMatch } from '#kube/label-selector.ts';
import type { KubeObject } from '#kube/objects.ts';
import { DEPLOYMENT, REPLICA_SET } from '#kube/resources.ts';
import type { Plan } from '../controller.ts';
import { isControlledBy, isDeleting, planClaim } from '../owners.ts';
import { hasEnded } from '../pods.ts';
import type { Write } from '../write.ts';
import { planCreation } from './creation.ts';
import { expiredSets } from './revision.ts';
import { isScaled, rollingSizes, scaledSizes } from './rolling.ts';
import { deadlineOf, isComplete, planStatus, type DeploymentSight } from './status.ts';
import { isSameTemplate, templateOf } from './template.ts';
import { byAge, viewDeployment, viewReplicaSet, type ReplicaSetView } from './view.ts';
import { revisionWrites, sizeWrites } from './writes.ts';

export type DeploymentFacts = {
  readonly deployment: KubeObject;
  /** All ReplicaSets of its namespace. */
  readonly replicaSets: readonly KubeObject[];
  /** All Pods of its namespace; needed for `Recreate` alone. */
  readonly pods: readonly KubeObject[];
};

/** `collision`: the name of the new ReplicaSet belongs to another. */
export type Step = readonly Write[] | 'collision';

/** Timestamps in statuses are whole seconds: a deadline is over for certain one second later. */
const TIMESTAMP_STEP_MS = 1000;

export function planDeployment(facts: DeploymentFacts, nowMs: number): Plan {
  const deployment = viewDeployment(facts.deployment);
  const claim = planClaim({
    owner: facts.deployment,
    ownerType: DEPLOYMENT,
    matches: labelMatch(fieldsOf(facts.deployment.spec)['selector']),
    candidateType: REPLICA_SET,
    candidates: facts.replicaSets,
  });
  if (claim.writes.length > 0) return { writes: claim.writes }; // their changes bring the next plan
  const template = templateOf(facts.deployment);
  const sets = byAge(claim.owned.map(viewReplicaSet));
  const current = sets.find(({ object }) => isSameTemplate(templateOf(object), template));
  const old = sets.filter((one) => one !== current);
  const { collisions } = deployment;
  const sight = { deployment, current, old, collisions, nowMs };
  if (isDeleting(facts.deployment)) return { writes: planStatus(sight) };
  const step = planStep(sight, facts);
  const deadlineMs = deadlineOf(sight);
  return {
    writes: step === 'collision' ? planCollision(sight) : [...step, ...planRest(sight)],
    ...(deadlineMs !== undefined && {
      againMs: Math.max(0, deadlineMs - nowMs) + TIMESTAMP_STEP_MS,
    }),
  };
}

/** With another count, the same template hashes to another name. */
function planCollision(sight: DeploymentSight): readonly Write[] {
  return planStatus({ ...sight, collisions: sight.collisions + 1 });
}

/** What is to be kept up beside the rollout's steps. */
function planRest(sight: DeploymentSight): readonly Write[] {
  const { deployment, current, old } = sight;
  const isOver = deployment.isPaused || isComplete(sight);
  const expired = isOver ? expiredSets(deployment, old) : [];
  return [
    ...planStatus(sight),
    ...(current ? revisionWrites(deployment, old, current) : []),
    ...expired.map(({ object }): Write => ({ verb: 'remove', type: REPLICA_SET, object })),
  ];
}

function planStep(sight: DeploymentSight, facts: DeploymentFacts): Step {
  const { deployment, current, old } = sight;
  const { isPaused, strategy } = deployment;
  if (isPaused || isScaled(deployment, current ? [...old, current] : old)) {
    return sizeWrites(sight, scaledSizes(deployment, current, old), { isScaling: true });
  }
  if (strategy === 'Recreate') {
    const running = old.filter(({ replicas }) => replicas > 0);
    const none = new Map(running.map(({ name }) => [name, 0]));
    if (running.length > 0) return sizeWrites(sight, none);
    if (isAnyLeft(old, facts.pods)) return [];
  }
  if (!current) return planCreation(sight, facts.replicaSets);
  return sizeWrites(
    sight,
    strategy === 'Recreate'
      ? scaledSizes(deployment, current, old)
      : rollingSizes(deployment, current, old),
  );
}

/** Do Pods of old templates still run, even if they have been asked to end? */
function isAnyLeft(old: readonly ReplicaSetView[], pods: readonly KubeObject[]): boolean {
  return old.some(({ object }) =>
    pods.some((pod) => isControlledBy(pod, object) && !hasEnded(pod)),
  );
}
